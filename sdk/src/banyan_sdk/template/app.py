from banyan_sdk import Launch, MiniApp

app = MiniApp.from_manifest("miniapp.json")


@app.page("/")
async def hello(launch: Launch) -> dict[str, object]:
    greeting = "你好" if launch.locale.startswith("zh") else "Hello"
    return {"title": f"{greeting}, {launch.name}", "text": "This page is yours to write."}


if __name__ == "__main__":
    app.run()
