"""What a device says of itself, and what a network says of a place."""

import pytest

from app_server.identity.devices import Device, device_named_by, network_of

KHTML = "AppleWebKit/537.36 (KHTML, like Gecko)"


CHROME, MOBILE = f"{KHTML} Chrome/142.0.0.0 Safari/537.36", f"{KHTML} Chrome/142.0.0.0 Mobile Safari/537.36"
WINDOWS, IPHONE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)"
ANDROID, OPEN = "Mozilla/5.0 (Linux; Android 10; K)", "Mozilla/5.0 (Phone; OpenHarmony 5.0)"
WEBVIEW = f"Mozilla/5.0 (Linux; Android 13; V2148A; wv) {KHTML} Version/4.0 Chrome/116.0 Mobile Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "browser", "system"),
    [
        (f"{WINDOWS} {CHROME}", "Chrome", "Windows"),
        (f"{WINDOWS} {CHROME} Edg/142.0.0.0", "Edge", "Windows"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME}".replace("Chrome", "HeadlessChrome"), "Chrome", "Linux"),
        (f"{ANDROID} {MOBILE}", "Chrome", "Android"),
        (f"{ANDROID} {MOBILE}".replace("Chrome", "SamsungBrowser/25.0 Chrome"), "Samsung Internet", "Android"),
        (f"{WEBVIEW} XWEB/1160117 MMWEBSDK/20240404 MicroMessenger/8.0.49.2600(0x28003133)", "WeChat", "Android"),
        (f"{IPHONE} {KHTML} Version/18.1 Mobile/15E148 Safari/604.1", "Safari", "iPhone"),
        (f"{IPHONE} {KHTML} CriOS/142.0 Mobile/15E148 Safari/604.1", "Chrome", "iPhone"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {KHTML} Version/18.1 Safari/605.1.15", "Safari", "Mac"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox", "Linux"),
        (f"{OPEN} {CHROME} ArkWeb/4.1.6.1 HuaweiBrowser/5.0.4.300", "Huawei Browser", "HarmonyOS"),
        ("python-httpx2/1.0", None, None),
        ("Ed, a Chromebook", None, None),
        ("", None, None),
    ],
)
def test_a_device_is_named_as_people_name_it(user_agent: str, browser: str | None, system: str | None) -> None:
    assert device_named_by(user_agent) == Device(browser=browser, system=system)


def test_a_device_is_told_in_one_line() -> None:
    assert str(Device(browser="Chrome", system="Android")) == "Chrome · Android"
    assert str(Device(browser=None, system="Mac")) == "Mac"
    assert str(Device(browser=None, system=None)) == ""


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("8.8.4.4", "8.8.4.0/24"),
        ("2400:3200:1:2::/64", "2400:3200:1::/48"),
        ("2400:3200:1:2::7", "2400:3200:1::/48"),
        ("127.0.0.1", None),
        ("192.168.1.20", None),
        ("100.64.0.9", None),
        ("fe80::/64", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_a_network_is_named_where_it_says_something(address: str, network: str | None) -> None:
    assert network_of(address) == network
