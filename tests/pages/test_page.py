"""A page holds everything, asks for nothing, and gives its scripts the numbers it was given."""

import http.server
import threading

import numpy as np
import pytest

from scratchgen.pages import page, write_page
from scratchgen.pages.page import POLICY


def test_data_arrives_whole(open_page, tmp_path):
    arrays = {
        "f2": np.array([[1.5, -(2**-24), 65504.0], [0.0, -0.1, 2**-14]], np.float16),
        "f4": np.float32([[1e-30, -3.25]]),
        "u1": np.uint8([[0], [255]]),
        "i4": np.int32([-7, 2**31 - 1]),
    }
    data = {"text": "</script><script>alert(1)</script> 'ε' \"β\" \u2028", "arrays": arrays, "list": [1, None, True, np.float64(0.25)]}
    write_page(tmp_path / "page.html", page("A & <B>", data=data))
    tab = open_page(tmp_path / "page.html")
    assert tab.page.inner_text("h1") == "A & <B>"
    assert tab.page.evaluate("data.text") == data["text"] and tab.page.evaluate("data.list") == [1, None, True, 0.25]
    for name, array in arrays.items():
        assert tab.page.evaluate(f"data.arrays.{name}.shape") == list(array.shape)
        assert np.array_equal(tab.page.evaluate(f"Array.from(data.arrays.{name}.values)"), array.astype(float).ravel())


@pytest.fixture
def server():
    """A server on this machine -> its address, and the list of what was asked of it."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_the_policy_stops_every_request(browser, tmp_path, server):
    address, asked = server
    write_page(tmp_path / "page.html", page("x", body=f"<img src='{address}/a.png'>"))
    context = browser.new_context()
    tab = context.new_page()
    tab.goto((tmp_path / "page.html").as_uri())
    fetched = f"fetch('{address}/c', {{ mode: 'no-cors' }}).then(() => 'sent', () => 'refused')"
    assert tab.evaluate(fetched) == "refused" and asked == []
    (tmp_path / "open.html").write_text((tmp_path / "page.html").read_text().replace(POLICY, "default-src *"))
    tab.goto((tmp_path / "open.html").as_uri())
    tab.evaluate(fetched)
    assert "/a.png" in asked  # what the policy stopped
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(open_page, tmp_path, scheme):
    write_page(tmp_path / "page.html", page("x"))
    tab = open_page(tmp_path / "page.html", scheme=scheme)
    assert tab.page.evaluate("document.documentElement.dataset.theme") == scheme
    tab.page.click("header button")
    assert tab.page.evaluate("document.documentElement.dataset.theme") != scheme


@pytest.mark.parametrize("value", [np.zeros(2), np.zeros(2, np.int64), {1, 2}, float("nan")])
def test_what_cannot_travel_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        page("x", data={"value": value})
