"""The public documents, and each page of them opened in a real browser."""

import gzip
import importlib
import json
import re
import sys
from base64 import b64decode
from collections.abc import Iterator
from types import ModuleType

import pytest
import requests
from playwright.sync_api import Browser, expect

from lambdas.delivery.http.routes import DOCS, PUBLIC_KEYS, ROUTES
from lambdas.delivery_docs.site import ASSET, DOCUMENT, MADE, OWN, PAGES, VENDORED, Site
from tests.browsing import Visit, launched
from tests.lambdas.delivery_api_support import proxy_event
from tests.lambdas.http_adapter import Gateway, serving
from tests.lambdas.support import lambda_context
from tools import ROOT
from tools.build.docs_assets import NO_PICTURE, PACKAGES, REDOC_PICTURE, copy_assets, made, sources
from tools.generate import openapi


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The handler without any AWS: the pages need none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENANTS_TABLE", "none")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "none")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "none")
        sys.modules.pop("lambdas.delivery_docs.handler", None)
        module = importlib.import_module("lambdas.delivery_docs.handler")
        patch.setattr(module, "_site", Site(copy_assets(tmp_path_factory.mktemp("assets"))))
        yield module
    sys.modules.pop("lambdas.delivery_docs.handler", None)


@pytest.fixture(scope="module")
def address(docs: ModuleType) -> Iterator[str]:
    with serving(Gateway({DOCS: docs.handler})) as base:
        yield base


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


def summaries() -> list[str]:
    return [operation["summary"] for methods in openapi.document()["paths"].values() for operation in methods.values()]


def test_swagger_ui_shows_every_operation(address, browser, tmp_path):
    visit = Visit(browser)

    visit.open(f"{address}/docs")

    expect(visit.page.locator(".opblock")).to_have_count(len(summaries()), timeout=30_000)
    shown = set(visit.page.locator(".opblock-summary-description").all_text_contents())
    assert shown == set(summaries())
    visit.page.screenshot(path=tmp_path / "docs.png")
    visit.assert_clean()


def test_swagger_ui_calls_the_api_below_the_stage(address, browser):
    """Trying an operation out goes to where the document lies: stage and all."""
    visit = Visit(browser)
    visit.open(f"{address}/docs")
    visit.page.locator("#operations-keys-get_webhook_keys .opblock-summary-control").click()
    visit.page.locator("#operations-keys-get_webhook_keys .try-out__btn").click()

    with visit.page.expect_request(re.compile("webhook-keys")) as asked:
        visit.page.locator("#operations-keys-get_webhook_keys .execute").click()

    assert asked.value.url == f"{address}/.well-known/webhook-keys.json"


def test_redoc_shows_every_operation(address, browser, tmp_path):
    visit = Visit(browser)

    visit.open(f"{address}/redoc")

    headings = visit.page.locator('[id*="operation/"] h2')
    expect(headings).to_have_count(len(summaries()), timeout=30_000)
    assert sorted(text.strip() for text in headings.all_text_contents()) == sorted(summaries())
    visit.page.screenshot(path=tmp_path / "redoc.png")
    visit.assert_clean()


def test_a_script_of_another_host_would_be_refused(address, browser):
    """The policy works: the assertions above are no accident of what the pages happen to load."""
    visit = Visit(browser)
    visit.open(f"{address}/docs")

    visit.page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: '1'}))")

    assert any("Content Security Policy" in complaint for complaint in visit.complaints)


def test_the_document_that_is_checked_in_is_that_of_the_code():
    assert openapi.TARGET.read_bytes() == openapi.rendered(), "run 'make openapi'"
    assert openapi.rendered() == openapi.rendered()


def test_the_document_is_served_byte_for_byte(address):
    answer = requests.get(f"{address}/openapi.json", timeout=10)

    assert answer.content == openapi.TARGET.read_bytes()
    assert answer.headers["Content-Type"] == "application/json"


def get(docs: ModuleType, resource: str, *, name: str | None = None, query=None, headers=None) -> dict:
    event = proxy_event("GET", resource, headers=headers or {}, query=query)
    event["pathParameters"] = {"name": name} if name is not None else None
    return docs.handler(event, lambda_context())


@pytest.mark.parametrize("name", [*VENDORED, *MADE, *OWN])
def test_assets_are_kept_for_ever_under_the_address_that_names_their_bytes(docs, name):
    plain = get(docs, "/assets/{name}", name=name)
    digest = plain["headers"]["ETag"].removeprefix('W/"').rstrip('"')

    versioned = get(docs, "/assets/{name}", name=name, query={"v": digest})
    stale = get(docs, "/assets/{name}", name=name, query={"v": "0" * 16})
    again = get(docs, "/assets/{name}", name=name, headers={"If-None-Match": plain["headers"]["ETag"]})

    assert "immutable" in versioned["headers"]["Cache-Control"]
    assert stale["headers"]["Cache-Control"] == plain["headers"]["Cache-Control"] == "no-cache"
    assert (again["statusCode"], again["body"]) == (304, "")


def test_pages_load_their_files_by_digest(docs):
    for path in PAGES:
        html = b64decode(get(docs, path)["body"]).decode()
        references = re.findall(r'(?:src|href)="(assets/[^"]+)"', html)
        assert references
        for reference in references:
            name, version = re.fullmatch(r"assets/([^?]+)\?v=([0-9a-f]{16})", reference).groups()
            answer = get(docs, "/assets/{name}", name=name, query={"v": version})
            assert "immutable" in answer["headers"]["Cache-Control"]


def test_gzip_holds_the_same_bytes_and_is_sent_to_those_who_take_it(docs):
    plain = get(docs, "/openapi.json")
    packed = get(docs, "/openapi.json", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    declined = get(docs, "/openapi.json", headers={"Accept-Encoding": "gzip;q=0"})

    assert gzip.decompress(b64decode(packed["body"])) == b64decode(plain["body"])
    assert packed["headers"]["Content-Encoding"] == "gzip"
    assert len(packed["body"]) < len(plain["body"]) / 4
    assert "Content-Encoding" not in declined["headers"]


@pytest.mark.parametrize("name", [*VENDORED, *MADE, *OWN])
@pytest.mark.parametrize("accepts", [None, "gzip", "br, *;q=0.1"])
def test_what_a_page_loads_is_sent_in_gzip_to_whoever_does_not_refuse_it(docs, name, accepts):
    answer = get(docs, "/assets/{name}", name=name, headers={"Accept-Encoding": accepts} if accepts else None)

    packed = b64decode(answer["body"])
    own = {each: (ROOT / "lambdas" / "delivery_docs" / "pages" / each).read_bytes() for each in OWN}
    content = {each: path.read_bytes() for each, path in sources().items()} | made() | own
    assert answer["headers"]["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == content[name].replace(REDOC_PICTURE, NO_PICTURE)


@pytest.mark.parametrize("accepts", ["identity", "", "br", "gzip;q=0, *"])
def test_whoever_refuses_gzip_gets_no_script_and_no_cache_keeps_that(docs, accepts):
    digest = get(docs, "/assets/{name}", name="redoc.standalone.js")["headers"]["ETag"][3:-1]
    headers = {"Accept-Encoding": accepts}

    answer = get(docs, "/assets/{name}", name="redoc.standalone.js", query={"v": digest}, headers=headers)

    assert (answer["statusCode"], answer["body"]) == (406, "")
    assert answer["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize("route", [*PAGES, DOCUMENT])
def test_pages_and_document_are_asked_for_anew_each_time_and_sent_only_when_they_changed(docs, route):
    first = get(docs, route)

    again = get(docs, route, headers={"If-None-Match": f'"other", {first["headers"]["ETag"]}'})
    changed = get(docs, route, headers={"If-None-Match": 'W/"other"'})

    assert first["headers"]["Cache-Control"] == "no-cache"
    assert (again["statusCode"], again["body"]) == (304, "")
    assert changed["body"] == first["body"]


@pytest.mark.parametrize(("route", "name"), [(path, None) for path in PAGES] + [("/assets/{name}", OWN[0])])
def test_every_file_brings_the_headers_that_protect_it(docs, route, name):
    headers = get(docs, route, name=name)["headers"]

    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert (headers["X-Content-Type-Options"], headers["Vary"]) == ("nosniff", "Accept-Encoding")
    assert headers["Content-Type"].startswith("text/")


@pytest.mark.parametrize("name", ["", "..", "../handler.py", "handler.py", "openapi.json", "docs.html", "no.js"])
def test_no_other_file_is_served(docs, name):
    answer = get(docs, "/assets/{name}", name=name)

    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"] == "not_found"


@pytest.mark.parametrize("accepts", [None, "identity", "gzip"])
def test_nobody_gets_more_than_half_a_megabyte_for_a_request(docs, accepts):
    headers = {"Accept-Encoding": accepts} if accepts else None
    names = [("/assets/{name}", name) for name in (*VENDORED, *MADE, *OWN)]

    for route, name in [(route, None) for route in (*PAGES, DOCUMENT)] + names:
        assert len(b64decode(get(docs, route, name=name, headers=headers)["body"])) < 512 * 1024


def test_serving_needs_no_pydantic():
    """The bundle of this function does not hold it."""
    sources = [ROOT / "lambdas" / "delivery_docs", ROOT / "lambdas" / "delivery" / "store" / "public_keys.py"]
    import subprocess

    code = (
        "import sys; sys.modules['pydantic'] = None\n"
        "import lambdas.delivery_docs.site, lambdas.delivery.store.public_keys, lambdas.delivery.http.routes"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert all(source.exists() for source in sources)


def test_the_lock_file_names_no_registry():
    lock = (PACKAGES.parent / "package-lock.json").read_text(encoding="utf-8")

    assert '"resolved"' not in lock
    assert "swagger-ui-dist" in lock


def test_every_public_route_is_answered(docs):
    assert {route.path for route in ROUTES if route.function == DOCS} == {DOCUMENT, ASSET, PUBLIC_KEYS, *PAGES}
