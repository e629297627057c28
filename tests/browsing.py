"""Pages in a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tools import ROOT
from tools.build.browser import FLAGS, find_browser
from tools.console.server import ConsoleServer

# The heading of a page that has all that it asked for.
SHOWN = "main:not([aria-busy]) h1"
_AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
_WRONG = """async () => {
  const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await axe.run({ runOnly: rules });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
}"""


@contextmanager
def launched() -> Iterator[Browser]:
    """Yield a running browser."""
    executable = find_browser()
    assert executable, "no browser: 'make test-setup' finds one, or says what to install"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


def wrong_for_some(page: Page) -> list[str]:
    """Return what breaks rules of WCAG 2.2 that a program can check: names, roles, labels, contrast and more.

    In light and dark, with everything open that opens.
    """
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += page.evaluate(_WRONG)
    return found


class Visit:
    """A page in the browser, and everything that it asked for and complained of."""

    def __init__(self, browser: Browser, **options) -> None:
        self.page: Page = browser.new_page(**{"viewport": {"width": 1280, "height": 1400}, **options})
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on(
            "console",
            lambda message: (
                self.complaints.append(f"{message.type}: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )

    def open(self, url: str) -> None:
        answer = self.page.goto(url)
        assert answer is not None
        assert answer.status == 200

    def assert_clean(self) -> None:
        hosts = {urlsplit(url).hostname for url in self.requested if not url.startswith("data:")}
        assert hosts == {"127.0.0.1"}
        assert self.complaints == []


class ConsoleVisit(Visit):
    """The console, opened with its token at an address. A page that is left while it asks has requests that fail."""

    def __init__(self, browser: Browser, console: ConsoleServer, path: str = "/", **options) -> None:
        super().__init__(browser, **options)
        self.alerts: list[str] = []
        self.page.on("dialog", lambda dialog: (self.alerts.append(dialog.message), dialog.dismiss()))
        self.open(f"{console.origin}{path}#token={console.token}")
        self.wait()

    def wait(self) -> None:
        expect(self.page.locator(SHOWN)).to_be_visible()

    @property
    def path(self) -> str:
        return str(self.page.evaluate("location.pathname + location.search"))
