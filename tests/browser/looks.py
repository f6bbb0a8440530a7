"""What is wrong with pages for whoever cannot see, point or read well, in every look."""

from playwright.sync_api import Page

LOOKS = [("light", 1366, 768), ("dark", 1366, 768), ("light", 390, 844), ("dark", 320, 640)]
# What is right fills megabytes, which took longer to hand over than to find: only what is wrong leaves the page.
# What sticks to the window's edge covers whatever happens to be scrolled there, so it lies in its own place meanwhile.
FAULTS = """async tags => {
    const sticky = [...document.querySelectorAll("*")].filter(one => getComputedStyle(one).position === "sticky");
    sticky.forEach(one => { one.style.position = "static"; });
    const { violations } = await axe.run({ runOnly: tags, resultTypes: ["violations"] });
    sticky.forEach(one => { one.style.position = ""; });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`));
}"""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


class Looks:
    """What is wrong with the states of pages, in light and dark, wide and on a phone."""

    def __init__(self, axe: str) -> None:
        self._axe = axe
        self.wrong: list[str] = []

    def at(self, page: Page, state: str) -> None:
        """Look at a page as it stands, in every look, and leave it as wide as it was."""
        for scheme, width, height in LOOKS:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": height})
            self.wrong += [f"{state}, {scheme}, {width}: {fault}" for fault in faults(self._axe, page)]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                self.wrong.append(f"{state}, {width}: wider than the window")
        scheme, width, height = LOOKS[0]
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})


def faults(axe: str, page: Page) -> list[str]:
    """Name what axe-core finds wrong on a page."""
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(axe)
    return page.evaluate(FAULTS, TAGS)
