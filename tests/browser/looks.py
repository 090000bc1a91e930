"""What every page must hold, whatever it shows: nothing cut off, and axe finds nothing to mend."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def faults_of(page: Page) -> list[str]:
    """What axe finds, each with the element; and whether the page is wider than its window."""
    found = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]}).response["violations"]
    faults = [f"{fault['id']}: {node['html']}" for fault in found for node in fault["nodes"]]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*faults, f"{wide} px too wide"] if wide > 0 else faults
