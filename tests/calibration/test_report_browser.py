"""The report in a browser: what it shows fits, says nothing on its console and asks nobody for anything.

It takes seconds, so it is not long; without Chromium it is skipped.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.report.files import write_report
from tests.browser import Tab, browser
from tests.report_builder import file_answer, file_judged_night, home_of

SIZES = [pytest.param(1400, id="a screen"), pytest.param(390, id="a telephone")]
UNFOLD = "document.querySelectorAll('details:not(.sql)').forEach((fold) => fold.open = true)"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of an answer with everything on its first screen, and a page of claims beside it."""
    return write_report(home_of(tmp_path_factory, file_answer), claims=True)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a night with every judgement."""
    return write_report(home_of(tmp_path_factory, file_judged_night), "c1")


@pytest.fixture(scope="module")
def which_one(answer: Path) -> Path:
    """The page of the decision table."""
    return answer.with_name("which-one.html")


@pytest.fixture(params=["answer", "night", "claims", "which_one"])
def page(request: pytest.FixtureRequest, answer: Path, night: Path, which_one: Path) -> Path:
    pages = {"answer": answer, "night": night, "claims": night.with_name("claims.html"), "which_one": which_one}
    return pages[request.param]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
def test_a_page_fits_and_is_quiet(tab: Tab, page: Path, width: int, dark: bool) -> None:
    """Unfolded too: nothing is wider than its page, nothing on the console, no address but its own."""
    tab.show(page, width=width, dark=dark)
    assert tab.value("document.documentElement.scrollWidth") <= width
    tab.value(UNFOLD)
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert tab.said == []
    assert [address for address in tab.asked if not address.startswith("file:")] == []


def test_the_first_screen_is_complete_on_a_screen(tab: Tab, answer: Path) -> None:
    """All five things end above the 900th pixel, with ten routes, seven requirements and a headline of two lines."""
    tab.show(answer, width=1400, height=900)
    for part in ("h1", ".rests", ".asked", ".wanted", ".picture", ".changes"):
        assert tab.value(f"document.querySelector('{part}').getBoundingClientRect().bottom") <= 900, part
    assert tab.value("document.querySelectorAll('.wanted tbody tr').length") == 10
    assert tab.value("document.querySelectorAll('.picture svg').length >= 3")


def test_on_a_telephone_requirements_stand_below_each_other(tab: Tab, answer: Path) -> None:
    """Architectures are columns there; none is cut off."""
    tab.show(answer, width=390, height=844)
    edges = "[...document.querySelectorAll('.asked tbody th')].map((one) => one.getBoundingClientRect())"
    assert tab.value(f"new Set({edges}.map((one) => Math.round(one.top))).size") == 1
    assert tab.value(f"Math.max(...{edges}.map((one) => one.right))") <= 390


def test_what_is_missed_does_not_rest_on_colour(tab: Tab, answer: Path) -> None:
    """It has a sign, and is bolder and larger than the rest."""
    tab.show(answer, width=1400)
    weight = "Number(getComputedStyle(document.querySelector('.asked .{} .figure')).fontWeight)"
    assert tab.value(f"{weight.format('missed')} - {weight.format('met')}") >= 300
    assert tab.value("document.querySelector('.asked .missed .sign').textContent") == "✗"


def test_paper_has_the_first_screen_on_its_first_sheet_and_only_what_is_open_besides(tab: Tab, answer: Path) -> None:
    tab.show(answer, width=1400)
    assert _sheets(tab.paper()) == 1
    tab.value("document.querySelector('#scenarios').open = document.querySelector('#scenario-1').open = true")
    assert _sheets(tab.paper()) > 1


def test_the_decision_table_fits_a_screen_and_a_sheet_and_leads_to_its_queries(tab: Tab, which_one: Path) -> None:
    tab.show(which_one, width=1400, height=900)
    assert tab.value("document.querySelector('.decide').getBoundingClientRect().bottom") <= 900
    assert tab.value("document.querySelector('.scroll').scrollWidth <= document.querySelector('.scroll').clientWidth")
    assert _sheets(tab.paper()) == 1
    anchors = "[...document.querySelectorAll('.decide a')].map((one) => one.getAttribute('href').slice(1))"
    assert tab.value(f"{anchors}.length") > 30
    assert tab.value(f"{anchors}.every((one) => document.getElementById(one) !== null)")


def test_a_link_into_a_fold_unfolds_it(tab: Tab, answer: Path) -> None:
    tab.show(answer, width=1400)
    tab.value("location.hash = '#scenario-1'; new Promise((done) => setTimeout(done, 50))")
    assert tab.value("document.querySelector('#scenarios').open && document.querySelector('#scenario-1').open")


def _sheets(pdf: bytes) -> int:
    return pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page/")
