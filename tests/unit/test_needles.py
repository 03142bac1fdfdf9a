"""Secrets as people and programs write them, each looked for in what an import makes of a path that holds it; and paths
that hold none, which stay as they are."""

import pyarrow.parquet as pq
import pytest

from tests.importing import Imports
from tests.unit.traffic_samples import FORMATS, Sent
from workloads.places import BUNDLED_RECORDINGS

AWS = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
BASE64 = "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols="
LONG = "IQoJb3JpZ2luX2VjEHoaCXVz/LWVhc3QtMSJHMEUCIQDx8/RTkxQ2F0Y2hN9aGx3V7b/Q1dZ2K3h5T8mXc4Lp0s"

# A target, and what of it nobody may read: pieces apart from each other where they are separated by a bar.
NEEDLES = [
    # Keys with slashes: AWS's, Base64 with and without its end, in every encoding.
    (f"/a/{AWS}", "wJalr|K7MDENG|EXAMPLEKEY"),
    (f"/a/{AWS}/b", "wJalr|K7MDENG|EXAMPLEKEY"),
    (f"/a/{AWS}.json", "wJalr|K7MDENG|EXAMPLEKEY"),
    (f"/{AWS}", "wJalr|K7MDENG|EXAMPLEKEY"),
    (f"/a/secret={AWS}", "wJalr|K7MDENG|EXAMPLEKEY"),
    (f"/a/aws_secret_access_key:{AWS}/b", "wJalr|K7MDENG|EXAMPLEKEY"),
    (f"/a;session={AWS}/b", "wJalr|K7MDENG|EXAMPLEKEY"),
    (f"/a/AKIAIOSFODNN7EXAMPLE:{AWS}", "AKIA|wJalr|K7MDENG|EXAMPLEKEY"),
    ("/a/wJalrXUtnFEMI%2FK7MDENG%2FbPxRfiCYEXAMPLEKEY", "wJalr|K7MDENG|EXAMPLEKEY"),
    ("/a/wJalrXUtnFEMI%252fK7MDENG%252fbPxRfiCYEXAMPLEKEY/b", "wJalr|K7MDENG|EXAMPLEKEY"),
    ("/a/je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY", "je7Mt|2Zp9|h3yCo"),
    ("/a/Xk/9dPq2/LmW+3vRtY8sB1nHc5/gKjF7uE4aQzT0xO6i", "9dPq2|LmW|gKjF7"),
    ("/a/AbCdEfGhIjKlMnOpQrStUvWxYz0123456789+aB1", "AbCdE|6789"),
    (f"/a/{AWS.replace('/', '-')}", "wJalr|K7MDENG|EXAMPLEKEY"),
    (f"/a/b{AWS}b", "wJalr|K7MDENG|EXAMPLEKEY"),
    ("/a/" + AWS.replace("/", "\\/"), "wJalr|K7MDENG|EXAMPLEKEY"),
    ("/a/ssh-rsa%20AAAAB3NzaC1yc2EAAAADAQABAAABgQC7/abc/def+gh", "AAAAB3|def"),
    (f"/a/{BASE64}", "K7gNU|OL0w|Unols"),
    (f"/a/{BASE64}/b", "K7gNU|OL0w|Unols"),
    (f"/a/{BASE64.replace('/', '%2F').replace('+', '%2B').replace('=', '%3D')}", "K7gNU|OL0w|Unols"),
    (f"/a/{LONG}", "IQoJ|LWVhc3|RTkxQ2|Q1dZ2K"),
    ("/oauth/callback/code=4/0AX4XfWhjT9vQ2mR", "0AX4|jT9v"),
    ("/oauth/4/0AX4XfWhjT9vQ2mR", "0AX4|jT9v"),
    # Names of secrets, however short, and their neighbours.
    ("/files/sig=abc123", "abc123"),
    ("/files/sig:qwertz", "qwertz"),
    ("/login/pass=hunter", "hunter"),
    ("/login/jane/pass:hunter2", "hunter2"),
    ("/pin=1234", "1234"),
    ("/card/pin:0007", "0007"),
    ("/card/pin/0007", "0007"),
    ("/confirm/code=A1B2", "A1B2"),
    ("/confirm/code/493021", "493021"),
    ("/verification-code/49A021/next", "49A021"),
    ("/pass/hunter2", "hunter2"),
    ("/sig/0a1b2c3d", "0a1b2c3d"),
    ("/a/authCode=xyzzy", "xyzzy"),
    ("/a/userPin=4711", "4711"),
    ("/a/loginPass=xyzzy", "xyzzy"),
    ("/a/auth_code=xyzzy", "xyzzy"),
    ("/a/PIN%3D4711", "4711"),
    ("/a/Pass%253Dhunter", "hunter"),
    ("/a/passphrase=correct", "correct"),
    ("/a/passcode=4711", "4711"),
    ("/a/pw=hunter", "hunter"),
    ("/a/key=hunter", "hunter"),
    ("/a/hmac=c0ffee", "c0ffee"),
    ("/a/csrf=c0ffee", "c0ffee"),
    ("/a/xsrf:c0ffee", "c0ffee"),
    ("/a/cookie=c0ffee", "c0ffee"),
    ("/a/cvv=123", "123"),
    ("/a/cvc:123", "123"),
    ("/a/tan=471100", "471100"),
    ("/a/mfa/471100", "471100"),
    ("/a/nonce=c0ffee", "c0ffee"),
    ("/a/sign=c0ffee", "c0ffee"),
    ("/a/%7B%22password%22%3A%22hunter%22%7D", "hunter"),
    ('/a/{"pin":"4711"}', "4711"),
    ("/a/pass&#61;hunter", "hunter"),
    ("/a/pass\uff1dhunter", "hunter"),
    # Cards in words, in groups, across slashes, and in other digits.
    ("/order4111111111111111", "4111111111111111"),
    ("/x4111111111111111y", "4111111111111111"),
    ("/card4111-1111-1111-1111x", "1111-1111"),
    ("/pan5500000000000004.pdf", "5500000000000004"),
    ("/IMG378282246310005a", "378282246310005"),
    ("/a30569309025904b", "30569309025904"),
    ("/ref2026_4111111111111111_x", "4111111111111111"),
    ("/a/4111/1111/1111/1111", "1111/1111"),
    ("/a/3782/822463/10005", "822463"),
    ("/a/x4111%201111%201111%201111y", "1111 1111|1111%20"),
    (
        "/a/\uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11",
        "\uff11\uff11",
    ),
    ("/a/4111.1111.1111.1111x", "1111.1111"),
    ("/a/411111-1111111111x", "1111111111"),
    # Addresses of people: in their own network, and with every way to write the sign in the middle.
    ("/a/jane.doe@localhost", "jane"),
    ("/a/jane.doe%40localhost/b", "jane"),
    ("/a/jane@intranet", "jane"),
    ('/a/"jane doe"@localhost', "jane"),
    ("/a/jane%20%40%20mail.example.org", "jane"),
    ("/a/jane@mail\u3002example\u3002org", "jane|example"),
    ("/a/jane@192.168.0.7", "jane"),
    ("/a/jane@[192.168.0.7]", "jane"),
    ("/a/jane.doe:hunter@localhost", "jane|hunter"),
    ("/a/jane&#64;mail.example.org", "jane"),
    ("/a/jane&#064;mail.example.org/b", "jane"),
    ("/a/jane&#x40;mail.example.org", "jane"),
    ("/a/jane&#X40;mail.example.org", "jane"),
    ("/a/jane&commat;mail.example.org", "jane"),
    ("/a/jane&amp;#64;mail.example.org", "jane"),
    ("/a/jane%26%2364%3Bmail.example.org", "jane"),
    ("/a/jane%2526%252364%253Bmail.example.org", "jane"),
    ("/a/jane&#64mail.example.org", "jane"),
    ("/a/&#106;ane&#64;mail.example.org", "ane"),
    ("/a/jane\uff20mail.example.org", "jane"),
    ("/a/jane\ufe6bmail.example.org", "jane"),
    ("/a/jane%EF%BC%A0mail.example.org", "jane"),
    ("/a/jane%25EF%25BC%25A0mail.example.org", "jane"),
    ("/a/jane%25252540mail.example.org", "jane"),
    ("/a/jane\\u0040mail.example.org", "jane"),
    ("/a/jane%5Cu0040mail.example.org", "jane"),
    ("/a/jane%u0040mail.example.org", "jane"),
    ("/a/jane%uFF20mail.example.org", "jane"),
    ("/a/jane(at)mail.example.org", "jane"),
    ("/a/jane%ff%40mail.example.org", "jane"),
    # Others across slashes.
    ("/a/DE89/3704/0044/0532/0130/00", "3704|0532"),
    ("/a/NL91/ABNA/0417/1643/00/b", "ABNA|1643"),
    ("/a/+49/151/23456789", "23456789"),
]

# What is usual in logs, and looks a little like the above.
USUAL = [
    "/",
    "/orders/507f1f77bcf86cd799439011",
    "/users/507f1f77bcf86cd799439011/507f191e810c19729de860ea",
    "/orders/6f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0/items/3",
    "/orders/1234567890",
    "/api/v2/restaurants/500/menus/lunch/items/12/options",
    "/api/v1/Customers/1234567890/Orders/99887766/Lines",
    "/OrderService/GetCustomerOrderHistoryById/FooBarBaz/Qux",
    "/shop.v1.OrderService/GetOrder",
    "/userIDs/getURLs/listOfItems/withManyMoreWords/andOthers",
    "/products/B07XJ8C8F5/B08N5WRWNW",
    "/watch/dQw4w9WgXcQ",
    "/blog/2015/05/a-rather-long-title-about-version-2-0-of-things",
    "/2026/11/30/index.html",
    "/archive/2026/1130/1200/0001",
    "/static/js/main.3c74189a.chunk.js",
    "/assets/application-0f9d8c7b6a5e4d3c2b1a.css",
    "/static/image@2x.png",
    "/npm/react@18.2.0/umd/react.production.min.js",
    "/npm/@angular/core@17.0.1",
    "/npm/vue@next/dist/vue.js",
    "/@alice/posts/12",
    "/passengers/12",
    "/compass/north",
    "/shipping/4711",
    "/spin/1234",
    "/decode/base64",
    "/barcode/scan",
    "/signup",
    "/design/12",
    "/designs/sign/in",
    "/keys/12345",
    "/keyboard/layouts/de",
    "/error-code/404",
    "/source/code/main",
    "/qr-code/12345",
    "/pins",
    "/tan/shoes",
    "/tangerine/1234",
    "/cookies/policy",
    "/caf%C3%A9/men%C3%BC",
    "/search/iphone+15",
    "/c++/20260517",
    "/a&b/c",
    "/fish&chips/17",
    "/R%26D/budget",
    "/100%25/cotton",
    "/tickets/ABC-1234",
    "/invoices/INV2026000123",
    "/posts/1234567890123456789/likes",
    "/IDs/v1/ABTest/XYPlot/ZZTop/FooBAR/QuuxBAZ/abcdef",
    "/a-rather-long-title-of-forty-characters/",
    "/menu%20@%20noon",
    "/events/1779012303250",
    "/events/1779012303250123456",
    "/days/2026-05-17T10:05:03",
    "/wp-content/uploads/2026/05/IMG_20260517_101112.jpg",
    "/wiki/Main_Page",
    "/wiki/C%2B%2B",
    "/_next/data/build-17/index.json",
    "/ghost/api/content/posts/slug/hello-world/",
    "/.well-known/acme-challenge",
    "/owa/auth/logon.aspx",
    "/tiles/14/8802/5374.png",
    "/de12/menu",
    "/no12/2026/05/17",
    "/flights/NL1234/seats/12A",
    "/v1/projects/shop/operations/123:cancel",
    "/std::vector",
]


def shown(imports: Imports, targets: list[str]) -> list[str]:
    """The paths that a recording has of requests with these targets."""
    imports.run(FORMATS["jsonl"].write([Sent(target=target) for target in targets]), "jsonl", FORMATS["jsonl"].options)
    return [str(path) for path in imports.column("path")]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is shown of each target, all imported at once."""
    targets = [target for target, _ in NEEDLES]
    return dict(zip(targets, shown(Imports(tmp_path_factory.mktemp("needles")), targets), strict=True))


@pytest.mark.parametrize(("target", "needle"), NEEDLES, ids=range(len(NEEDLES)))
def test_a_secret_is_not_found_again(imported: dict[str, str], target: str, needle: str) -> None:
    assert not [piece for piece in needle.split("|") if piece in imported[target]], imported[target]


def test_usual_paths_stay_as_they_are(imports: Imports) -> None:
    assert shown(imports, USUAL) == USUAL


def test_the_bundled_recording_has_nothing_to_hide(imports: Imports) -> None:
    table = pq.read_table(BUNDLED_RECORDINGS / "food_orders.parquet", columns=["path"])
    paths = [str(path) for path in table.column("path").unique().to_pylist()][:2000]
    assert shown(imports, paths) == paths
