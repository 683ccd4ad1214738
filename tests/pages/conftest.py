"""A browser for the tests of pages: Chromium, driven by Playwright. Where one of them is missing the tests are skipped, and say so."""

import shutil

import pytest

QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
SIZES = {"desk": dict(viewport={"width": 1280, "height": 800}), "phone": dict(viewport={"width": 390, "height": 844}, has_touch=True)}


@pytest.fixture(scope="session")
def browser():
    """Chromium, one for all tests of a process."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install -e '.[browser]'")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        browser.close()


class Tab:
    """A page opened from the disk: `page` is Playwright's; `complaints` are its errors and the requests that left the file."""

    def __init__(self, browser, path, size="desk", scheme="light"):
        self.context = browser.new_context(color_scheme=scheme, **SIZES[size])
        self.page, self.complaints = self.context.new_page(), []
        self.page.on("console", lambda message: message.type in ("error", "warning") and self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: request.url.startswith(("file:", "data:", "blob:")) or self.complaints.append(request.url))
        self.page.goto(path.resolve().as_uri())

    def too_wide(self):
        """Whether one must scroll sideways."""
        return self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.fixture
def open_page(browser):
    """open_page(path, size="desk" | "phone", scheme="light" | "dark") -> Tab. At the end of the test no tab may have complained."""
    tabs = []

    def opened(path, size="desk", scheme="light"):
        tabs.append(Tab(browser, path, size, scheme))
        return tabs[-1]

    yield opened
    complaints = [complaint for tab in tabs for complaint in tab.complaints]
    for tab in tabs:
        tab.context.close()
    assert complaints == []
