"""A test set for the detector of personal data and secrets (`tasks.curate.privacy.pii`), and its score on it.

`plants(seed)` makes short pieces of code, YAML, JSON, environment files, shell and prose. A positive contains one or
more values of a kind, drawn at random in the formats that providers publish. A look-alike (hard negative) contains
something similar that is no such value. `measure(seed)` counts what the detector finds. The test set shares neither
patterns nor word lists with the detector.

A value counts as found if one span of its kind covers all of it. A span is false if it touches no planted value.
Recall = found / planted; precision = found / (found + false).
"""

import string
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tasks.curate.privacy import pii
from tasks.publish.pii_benchmark import COMMAND, Figures, PiiBenchmark

SEED = 42
PER_KIND = 60  # positives, and as many look-alikes; some positives contain two values

Maker = Callable[[Random], str]


@dataclass(frozen=True)
class Plant:
    """A piece of text, and the places (start, end) of its values of `kind`; a look-alike has none."""

    text: str
    kind: str
    places: tuple[tuple[int, int], ...]


def plants(seed: int = SEED, per_kind: int = PER_KIND) -> list[Plant]:
    """`per_kind` positives and as many look-alikes for each kind. The same seed gives the same texts."""
    made = []
    for kind, (maker, contexts) in POSITIVES.items():
        dice = Random(f"{seed}/{kind}/positive")
        made += [_positive(dice, kind, maker, contexts[i % len(contexts)]) for i in range(per_kind)]
    for kind, tempters in NEGATIVES.items():
        dice = Random(f"{seed}/{kind}/negative")
        made += [_look_alike(dice, kind, tempters[i % len(tempters)]) for i in range(per_kind)]
    return made


def measure(seed: int = SEED) -> PiiBenchmark:
    """Recall and precision of the detector, by kind and over all."""
    made = plants(seed)
    found: Counter[str] = Counter()
    false: Counter[str] = Counter()
    for plant, spans in zip(made, pii.find_all([plant.text for plant in made]), strict=True):
        found[plant.kind] += sum(_covers(spans, plant.kind, place) for place in plant.places)
        false.update(span.kind for span in spans if not _touches(span, plant.places))
    planted = Counter({kind: sum(len(plant.places) for plant in made if plant.kind == kind) for kind in POSITIVES})
    look_alikes = Counter(plant.kind for plant in made if not plant.places)
    return PiiBenchmark(
        command=COMMAND,
        seed=seed,
        kinds={kind: _figures(planted[kind], look_alikes[kind], found[kind], false[kind]) for kind in POSITIVES},
        overall=_figures(planted.total(), look_alikes.total(), found.total(), false.total()),
    )


def _covers(spans: list[pii.Span], kind: str, place: tuple[int, int]) -> bool:
    return any(span.kind == kind and span.start <= place[0] and place[1] <= span.end for span in spans)


def _touches(span: pii.Span, places: tuple[tuple[int, int], ...]) -> bool:
    return any(span.start < end and start < span.end for start, end in places)


def _figures(planted: int, look_alikes: int, found: int, false: int) -> Figures:
    return Figures(
        planted=planted,
        look_alikes=look_alikes,
        found=found,
        false=false,
        recall=round(found / planted, 4) if planted else 1.0,
        precision=round(found / (found + false), 4) if found + false else 1.0,
    )


def _positive(dice: Random, kind: str, maker: Maker, context: str) -> Plant:
    """The context with a value at each `¤`, between two harmless lines."""
    text, places = dice.choice(HARMLESS), []
    pieces = context.split("¤")
    for piece in pieces[:-1]:
        text += piece
        value = maker(dice)
        places.append((len(text), len(text) + len(value)))
        text += value
    return Plant(f"{text}{pieces[-1]}\n{dice.choice(HARMLESS)}", kind, tuple(places))


def _look_alike(dice: Random, kind: str, tempter: Maker) -> Plant:
    return Plant(f"{dice.choice(HARMLESS)}{tempter(dice)}\n{dice.choice(HARMLESS)}", kind, ())


HARMLESS = (
    "",
    "# see the documentation\n",
    "replicas: 3\n",
    "import os\n",
    "-- naïve café ☕\n",
    "\n",
    "x = [1, 2, 3]\n",
    "{}\n",
    "# 使用说明\n",
    "labels: {app: web}\n",
)
ALNUM = string.ascii_letters + string.digits
URL64 = ALNUM + "-_"
FIRST = ("alice", "bob", "Zoë", "carol.jones", "d_evans", "erin+ops", "f.o-neil", "grace99", "HEIDI", "ivan.petrov")
COMPANY = ("acme", "initech", "umbrella-corp", "mail.globex", "Hooli", "eu.stark", "wayne", "contoso")
TLD = ("com", "io", "co.uk", "dev", "org", "de", "cloud", "COM", "ai", "fr")
WORD = ("river", "falcon", "maple", "copper", "violet", "ember", "summit", "harbor")


def _of(letters: str, least: int, most: int | None = None) -> Maker:
    return lambda dice: "".join(dice.choices(letters, k=dice.randint(least, most or least)))


def _mixed(least: int, most: int) -> Maker:
    """Letters with at least one digit and one capital among them."""
    body = _of(ALNUM, least - 2, most - 2)
    return lambda dice: f"{body(dice)}{dice.choice(string.digits)}{dice.choice(string.ascii_uppercase)}"


def _email(dice: Random) -> str:
    return f"{dice.choice(FIRST)}@{dice.choice(COMPANY)}.{dice.choice(TLD)}"


def _octets(dice: Random) -> str:
    first = dice.choice([n for n in range(1, 224) if n not in {127, 192, 198, 203}])
    return ".".join(map(str, (first, *dice.choices(range(256), k=3))))


def _ipv4(dice: Random) -> str:
    private = (f"10.{dice.randint(0, 255)}", f"192.168.{dice.randint(0, 255)}", f"172.{dice.randint(16, 31)}.4")
    chosen = dice.choice(private)
    missing = 3 - chosen.count(".")
    return dice.choice((_octets(dice), ".".join([chosen, *(str(dice.randint(1, 254)) for _ in range(missing))])))


def _ipv6(dice: Random) -> str:
    def groups(n: int) -> str:
        return ":".join(f"{dice.randint(1, 0xFFFF):x}" for _ in range(n))

    prefix = dice.choice(("2a00", "2600", "fe80", "fd3c", "2400", "2607"))
    return dice.choice(
        (
            f"{prefix}:{groups(7)}",
            f"{prefix}:{groups(3)}::{groups(1)}",
            f"{prefix}:{groups(2)}::{groups(2)}".upper(),
            f"fe80::{groups(4)}%eth0",
            f"::ffff:{_octets(dice)}",
        )
    )


def _aws(dice: Random) -> str:
    return dice.choice(("AKIA", "ASIA")) + "".join(dice.choices(string.ascii_uppercase + string.digits, k=16))


def _github(dice: Random) -> str:
    classic = f"gh{dice.choice('pousr')}_{_mixed(36, 36)(dice)}"
    return dice.choice((classic, f"github_pat_{_mixed(22, 22)(dice)}_{_mixed(59, 59)(dice)}"))


def _openai(dice: Random) -> str:
    return dice.choice((f"sk-{_mixed(48, 48)(dice)}", f"sk-proj-{_of(URL64, 40, 90)(dice)}{_mixed(8, 8)(dice)}"))


def _slack(dice: Random) -> str:
    digits = _of(string.digits, 11, 13)
    return f"xox{dice.choice('bpars')}-{digits(dice)}-{digits(dice)}-{_mixed(24, 24)(dice)}"


def _webhook(dice: Random) -> str:
    upper = _of(string.ascii_uppercase + string.digits, 8, 10)
    return f"https://hooks.slack.com/services/T{upper(dice)}/B{upper(dice)}/{_mixed(24, 24)(dice)}"


def _google(dice: Random) -> str:
    return f"AIza{_of(URL64, 34)(dice)}{dice.choice(ALNUM)}"


def _service(dice: Random) -> str:
    return dice.choice(
        (
            f"glpat-{_mixed(20, 20)(dice)}",
            f"npm_{_mixed(36, 36)(dice)}",
            f"sk_live_{_mixed(24, 24)(dice)}",
            f"SG.{_mixed(22, 22)(dice)}.{_mixed(43, 43)(dice)}",
            f"hf_{_of(string.ascii_letters, 33)(dice)}Q",
            f"dckr_pat_{_mixed(27, 27)(dice)}",
        )
    )


def _jwt(dice: Random) -> str:
    head = b64encode(dice.choice((b'{"alg":"HS256","typ":"JWT"}', b'{"alg":"RS256"}'))).decode().rstrip("=")
    body = b64encode(b'{"sub":"%d"}' % dice.randint(1, 10**12)).decode().rstrip("=")
    return f"{head}.{body}.{_of(URL64, 43)(dice)}"


def _pem(newline: str, indent: str = "") -> Maker:
    def make(dice: Random) -> str:
        label = dice.choice(("RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", "", "DSA "))
        lines = [_of(ALNUM + "+/", 64)(dice) for _ in range(dice.randint(2, 8))] + [_of(ALNUM, 20)(dice) + "=="]
        whole = [f"-----BEGIN {label}PRIVATE KEY-----", *lines, f"-----END {label}PRIVATE KEY-----"]
        return (newline + indent).join(whole)

    return make


def _login(dice: Random) -> str:
    special = _of(ALNUM + "!$*~", 6, 14)
    return f"{dice.choice(('app', 'root', 'svc-user', 'admin', 'reader_1'))}:{_mixed(4, 8)(dice)}{special(dice)}"


def _password(dice: Random) -> str:
    strong = _of(ALNUM + "!@%^*_+", 8, 20)
    return dice.choice((f"{dice.choice(WORD)}{dice.randint(1, 9999)}", f"S{strong(dice)}7x", _mixed(10, 24)(dice)))


def _base64(dice: Random) -> str:
    return b64encode(_mixed(5, 30)(dice).encode()).decode()


def _digits(dice: Random, number: int) -> str:
    return "".join(dice.choices(string.digits, k=number))


def _ssn(dice: Random) -> str:
    return f"{dice.randint(1, 665):03}-{dice.randint(1, 99):02}-{dice.randint(1, 9999):04}"


def _card(dice: Random) -> str:
    """Sixteen digits in fours, the last of which makes the sum of Luhn's formula end in nought."""
    body = dice.choice(("4", "51", "55", "2300")) + _digits(dice, 16)
    for check in range(10):
        number = f"{body[:15]}{check}"
        if sum(int(d) if i % 2 else sum(map(int, str(2 * int(d)))) for i, d in enumerate(number)) % 10 == 0:
            break
    gap = dice.choice(" -")
    return gap.join(number[i : i + 4] for i in range(0, 16, 4))


def _phone(dice: Random) -> str:
    exchange = f"{dice.randint(2, 4)}{dice.randint(20, 99)}"
    national = f"{dice.choice((212, 415, 503, 617))}-{exchange}-{_digits(dice, 4)}"
    return dice.choice(
        (
            national,
            f"({national[:3]}) {national[4:]}",
            f"+1 {national}",
            f"+44 20 {dice.randint(7000, 8999)} {_digits(dice, 4)}",
            f"+49 {dice.randint(150, 179)} {_digits(dice, 4)} {_digits(dice, 3)}",
        )
    )


_NUMBERED = ('"¤"', "# ask ¤ first", "- ¤", "number: ¤", "(see ¤)", "<td>¤</td>", 'x = ["¤", "¤"]')

POSITIVES: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "ssn": (_ssn, _NUMBERED),
    "credit_card": (_card, _NUMBERED),
    "phone": (_phone, _NUMBERED),
    "email": (
        _email,
        (
            "# maintainer: ¤",
            "maintainers:\n  - name: web\n    email: ¤",
            '{"author": "Jane Roe <¤>", "reviewer": "¤"}',
            "ADMIN_EMAIL=¤",
            "see [the author](mailto:¤?subject=x), or ¤.",
            'print("\\n¤\\n")',
            "联系人 ¤。谢谢",
            " * @author ¤ (somebody)",
            "Signed-off-by: Jane Roe <¤>",
            "https://portal.acme.io/reset?user=¤&step=2",
            '"¤","¤"',
        ),
    ),
    "ipv4": (
        _ipv4,
        (
            '{"hosts": ["¤", "¤"]}',
            "upstream backend { server ¤:8080; server ¤; }",
            "clusterIP: ¤",
            "DB_HOST=¤",
            "curl http://¤:9090/metrics",
            "# ssh ubuntu@¤ and then reboot",
            "Failed password from ¤ port 22 ssh2",
            'args: ["--advertise-address=¤"]',
            "服务器¤已下线",
            "nameserver ¤\nnameserver ¤",
            "  - ip: '¤'\n    hostnames: [db]",
            'host = "¤"',
        ),
    ),
    "ipv6": (
        _ipv6,
        (
            "address: '¤'",
            '{"ip": "¤", "other": "¤"}',
            "curl -g http://[¤]:8080/healthz",
            "listen [¤]:443;",
            "LISTEN_ADDR=¤",
            "# the gateway is ¤, ask before changing it",
            "inet6 ¤ scope global",
            "externalIPs:\n- ¤\n- ¤",
        ),
    ),
    "aws_key": (
        _aws,
        (
            "AWS_ACCESS_KEY_ID=¤",
            "aws_access_key_id = ¤",
            '"accessKeyId": "¤", "old": "¤"',
            "    - name: AWS_ACCESS_KEY_ID\n      value: ¤",
            "client = boto3.client('s3', aws_access_key_id='¤')",
            "# rotated: ¤",
            "https://bucket.s3.amazonaws.com/x?AWSAccessKeyId=¤&Expires=1",
            'log("key\\n¤\\n")',
        ),
    ),
    "github_token": (
        _github,
        (
            "GITHUB_TOKEN=¤",
            'token: "¤"',
            "curl -H 'Authorization: token ¤' https://api.github.com/user",
            '{"github": {"token": "¤"}}',
            "export GH_TOKEN='¤'",
            "# TODO remove ¤ and ¤",
            "docker login ghcr.io -u me -p ¤",
            "const octokit = new Octokit({ auth: `¤` });",
        ),
    ),
    "openai_key": (
        _openai,
        (
            "OPENAI_API_KEY=¤",
            'openai.api_key = "¤"',
            "      - name: OPENAI_API_KEY\n        value: '¤'",
            '{"apiKey": "¤"}',
            "curl -H 'Authorization: Bearer ¤' https://api.openai.com/v1/models",
            "// key: ¤ (old: ¤)",
            "llm --key ¤",
            "密钥 ¤。",
        ),
    ),
    "slack_token": (
        _slack,
        (
            "SLACK_BOT_TOKEN=¤",
            "slack:\n  token: ¤",
            '{"token": "¤", "previous": "¤"}',
            "client = WebClient(token='¤')",
            "# ¤",
            "https://slack.com/api/auth.test?token=¤&pretty=1",
        ),
    ),
    "slack_webhook": (
        _webhook,
        (
            "SLACK_WEBHOOK_URL=¤",
            "slack_configs:\n- api_url: '¤'\n  channel: '#ops'",
            "curl -X POST -d '{}' ¤",
            '{"url": "¤", "fallback": "¤"}',
            "[hook](¤)",
        ),
    ),
    "google_api_key": (
        _google,
        (
            "GOOGLE_API_KEY=¤",
            '"api_key": "¤"',
            '<script src="https://maps.googleapis.com/maps/api/js?key=¤&callback=init"></script>',
            "firebase:\n  apiKey: ¤",
            "genai.configure(api_key='¤')",
            '"current": "¤", "next": "¤"',
        ),
    ),
    "service_token": (
        _service,
        (
            'TOKEN = "¤"',
            "secrets:\n  registry: ¤",
            "export REGISTRY_AUTH=¤",
            '["¤", "¤"]',
            "# used to be ¤",
        ),
    ),
    "private_key": (
        _pem("\n"),
        (
            "¤",
            'KEY = """¤"""',
            "cat > id_rsa <<EOF\n¤\nEOF",
            "first:\n¤\nsecond:\n¤",
        ),
    ),
    "jwt": (
        _jwt,
        (
            "Authorization: Bearer ¤",
            "token: ¤",
            '{"access_token": "¤", "id_token": "¤"}',
            "curl -H 'Authorization: Bearer ¤' https://api.acme.io",
            "https://app.acme.io/login#id_token=¤&state=1",
            "Cookie: session=¤; Path=/",
            "const t = `¤`;",
            "# 令牌 ¤。",
        ),
    ),
    "connection_string": (
        _login,
        (
            "DATABASE_URL=postgres://¤@db.internal:5432/app",
            'url: "postgresql+asyncpg://¤@pg:5432/app?sslmode=require"',
            '{"uri": "mongodb+srv://¤@cluster0.ab1cd.mongodb.net/test"}',
            "mysql://¤@10.0.0.0/8",
            "broker = 'amqp://¤@rabbit:5672//'",
            "redis://¤@cache:6379/0 redis://¤@cache:6379/1",
            "git clone https://¤@git.acme.io/team/repo.git",
            "- name: DSN\n  value: clickhouse://¤@ch:9000",
            "HTTPS_PROXY=http://¤@proxy:3128",
            "# see ftp://¤@files.acme.io/in",
            'db, err := sql.Open("mysql", "¤@tcp(db:3306)/app")',
        ),
    ),
    "password": (
        _password,
        (
            "password: ¤",
            'password: "¤"',
            '"db_password": "¤", "admin_password": "¤"',
            "DB_PASSWORD=¤",
            "export API_TOKEN='¤'",
            "mytool --password ¤ --verbose",
            "mytool --password=¤",
            "PGPASSWORD=¤ psql -h db",
            "MYSQL_ROOT_PASSWORD: ¤",
            "        - name: DB_PASSWORD\n          value: ¤",
            '  env:\n  - name: "REDIS_PASSWORD"\n    value: "¤"',
            "helm upgrade app ./chart --set auth.password=¤",
            "'secretKey': '¤'",
            "spring.datasource.password=¤",
            'String password = "¤";  // TODO',
            "const clientSecret = '¤';",
            'conn = connect(user="app", password="¤")',
            "# password: ¤",
            '{\\"password\\": \\"¤\\"}',
            "<password>¤</password>",
            "ENV ADMIN_PASSWORD=¤",
            "X-Api-Key: ¤",
            "  adminPassword: '¤'  # rotate",
            "config['password'] = '¤'",
            '{"name": "DB_PASSWORD", "value": "¤"}',
            "password: |\n  ¤",
            "sshpass -p '¤' ssh root@host",
            "curl -u admin:¤ https://host/api",
        ),
    ),
    "k8s_secret_data": (
        _base64,
        (
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque\ndata:\n  username: ¤\n  password: ¤",
            "apiVersion: v1\ndata:\n  tls.key: ¤\nkind: Secret\nmetadata:\n  name: tls",
            "---\nkind: Secret\napiVersion: v1\nstringData:\n  config: '¤'\n---\nkind: Namespace",
            '{"apiVersion": "v1", "kind": "Secret", "data": {"a": "¤", "b": "¤"}}',
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  data:\n    token: ¤",
            "kind: Secret\nmetadata: {name: x}\ndata: {key: ¤}",
            'kind: "Secret"\ndata:\n  # the key\n  "my.key": "¤"',
        ),
    ),
}


def _always(text: str) -> Maker:
    return lambda _: text


def _with(template: str, *makers: Maker) -> Maker:
    return lambda dice: template.format(*(make(dice) for make in makers))


_HEX = string.hexdigits[:16]
_SHA1, _SHA256 = _of(_HEX, 40), _of(_HEX, 64)


def _version(dice: Random) -> str:
    return ".".join(str(dice.randint(0, 30)) for _ in range(4))


def _uuid(dice: Random) -> str:
    return "-".join(_of(_HEX, n)(dice) for n in (8, 4, 4, 4, 12))


def _mac(dice: Random) -> str:
    return ":".join(_of(_HEX, 2)(dice) for _ in range(6))


def _time(dice: Random) -> str:
    return f"{dice.randint(0, 23):02}:{dice.randint(0, 59):02}:{dice.randint(0, 59):02}"


def _word(dice: Random) -> str:
    return dice.choice(WORD)


_TEN = _of("123456789", 10)
NEGATIVES: dict[str, tuple[Maker, ...]] = {
    "ssn": (
        _with("released {}", lambda dice: f"20{dice.randint(10, 29)}-{dice.randint(10, 12)}-{dice.randint(10, 28)}"),
        _with("part 000-{}", lambda dice: f"{_digits(dice, 2)}-{_digits(dice, 4)}"),
        _with("part 9{}-00-0000", lambda dice: _digits(dice, 2)),
        _with("id: {}", _uuid),
        _with("serial 12-{}-1", _ssn),
    ),
    "credit_card": (
        _with("seed = {}", lambda dice: f"4{_digits(dice, 15)}"),
        _with('"{}"', lambda dice: f"5{_digits(dice, 18)}"),
        _with("0x4{} card", lambda dice: _digits(dice, 15)),
        _always("[1234 5678 9012 3456]"),
        _with("build 20{}", lambda dice: _digits(dice, 12)),
    ),
    "phone": (
        _with("x = a +{}", lambda dice: f"1{_digits(dice, 9)}"),
        _with("{}.0d, +3628800.0d,", lambda dice: f"+{dice.randint(1, 9)}{_digits(dice, 6)}"),
        _with("version 212.{}.1234", lambda dice: str(dice.randint(200, 999))),
        _with("at +1980-02-29 01:02:{}", lambda dice: str(dice.randint(10, 59))),
        _always('"555-0123" or "(212) 555-0123"'),
        _with("+1.{}+1.12345679j", lambda dice: _digits(dice, 8)),
        _with("offset +02:00 of {}", _time),
    ),
    "email": (
        _with("owner: {}@example.com", _word),
        _with('"mail": "{}@docs.example.org"', _word),
        _with("contact {}@shop.example or root@localhost", _word),
        _with("git clone git@github.com:{}/repo.git", _word),
        _with("git remote add origin ssh://git@gitlab.com/{}/x.git", _word),
        _with("npm install {}@1.2.3", _word),
        _with("image: registry.io/{}@sha256:{}", _word, _SHA256),
        _always("@Override\npublic String toString() {"),
        _always("@app.route('/x')\ndef x(): ..."),
        _with("uses: actions/checkout@v4  # {}", _SHA1),
        _with("icons/{}@2x.png", _word),
        _with("systemctl start getty@{}.service", _word),
        _with("import '@scope/{}.js'", _word),
        _with("${{USER}}@${{HOST}}.{}", _word),
    ),
    "ipv4": (
        _with("image: nginx:{}", _version),
        _with('version: "{}"', _version),
        _with("appVersion: {}", _version),
        _with("tool=={}", _version),
        _with("https://get.acme.io/tool-{}.tar.gz", _version),
        _with("Mozilla/5.0 Chrome/{} Safari/537.36", _version),
        _with("FROM quay.io/org/app:v{}", _version),
        _with("cidr: 10.{}.0.0/16", lambda dice: str(dice.randint(0, 255))),
        _always("ipBlock:\n  cidr: 192.168.0.0/16\n  except: [192.168.4.0/24]"),
        _always("bind 127.0.0.1 and 0.0.0.0:8080, mask 255.255.255.0"),
        _always("e.g. 192.0.2.17, 198.51.100.3 or 203.0.113.9"),
        _with("<version>{}</version>", _version),
        _with("## {} (2021-03-04)", _version),
        _with("upgrade from {0} to {0}", _version),
        _with("timestamp: {}", _TEN),
        _with("oid: 1.3.6.1.4.1.{}", _TEN),
        _with("tag: {}-alpine", _version),
    ),
    "ipv6": (
        _with("at {} UTC", _time),
        _with("ether {}", _mac),
        _always("std::abs(a::b) + dead::beef::cafe"),
        _always("x[::2], y[1::3], z[10::20]"),
        _always("use crate::a::b; // ::core"),
        _always("listen [::1]:80 and [::]:443"),
        _always("2001:db8::1 and 2001:db8:85a3::8a2e:370:7334 are for documentation"),
        _always("podCIDR: fd00:10:244::/56"),
        _with("fingerprint {0}:{0}", _mac),
        _always("a::before { content: '::' }"),
        _with("wwn {0}:aa:bb", _mac),
        _with("Face::Bad{}", _of(_HEX, 1)),
    ),
    "aws_key": (
        _with("AKIA{}", _of(string.ascii_uppercase, 5)),
        _with("ASIA{}", _of(string.ascii_lowercase, 16)),
        _with("SLOVAKIA{}", _of(string.ascii_uppercase, 16)),
        _with("AWS_ACCESS_KEY_ID=${{AWS_{}}}", _of(string.ascii_uppercase, 5)),
        _with("etag: {}", _SHA1),
        _always("aws_access_key_id = var.access_key"),
    ),
    "github_token": (
        _always("GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}"),
        _with("ghp_{}", _of("x", 36)),
        _with("commit {}", _SHA1),
        _with("ghp_{}", _of(ALNUM, 5)),
        _always("the prefix is ghp_ or github_pat_"),
        _with("graph_{}", _SHA1),
    ),
    "openai_key": (
        _always("pip install sk-learn-contrib"),
        _with("task-{}", _mixed(30, 40)),
        _with("disk-{}", _mixed(30, 40)),
        _always("OPENAI_API_KEY=sk-..."),
        _with("sk-{}", _of(string.ascii_lowercase, 22)),
        _with("sk-{0}-{0}-{0}-{0}-{0}", _word),
    ),
    "slack_token": (
        _always("SLACK_TOKEN=xoxb-your-token"),
        _always("tokens begin with xoxb- or xoxp-"),
        _with("xoxb-{0}-{0}-{0}", _word),
        _with("foxxox-{}", _TEN),
        _always("token: ${SLACK_TOKEN}"),
    ),
    "slack_webhook": (
        _always("https://hooks.slack.com/"),
        _always("url: https://hooks.slack.com/services/${SLACK_PATH}"),
        _with("https://slack.com/app_redirect?channel={}", _word),
        _always("host: hooks.slack.com"),
    ),
    "google_api_key": (
        _with("AIza{}", _of(ALNUM, 10)),
        _always("key=${GOOGLE_API_KEY}"),
        _with("https://maps.google.com/?q={}", _word),
        _with("BAIza{}", _of(ALNUM, 40)),
    ),
    "service_token": (
        _with("npm_{0}_{0}", _word),
        _with("hf_{}", _word),
        _with("sk_live_{}", _of("x", 24)),
        _with("SG.{0}.{0}", _word),
        _with("glpat-{}", _of("x", 20)),
    ),
    "private_key": (
        _with("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", _of(ALNUM, 64)),
        _with("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", _of(ALNUM, 64)),
        _always('if line == "-----BEGIN PRIVATE KEY-----":'),
        _always("-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----"),
        _always("-----BEGIN PRIVATE KEY-----\n{{ .Values.key }}\n-----END PRIVATE KEY-----"),
        _with("ssh-rsa {} me", _of(ALNUM, 64)),
    ),
    "jwt": (
        _with("sourceMappingURL=data:application/json;base64,eyJ{}", _of(ALNUM, 60)),
        _always("eyJhbGciOiJIUzI1NiJ9"),
        _always("Authorization: Bearer ${TOKEN}"),
        _always("Authorization: Bearer <token>"),
        _with("sha256.{}", _SHA256),
    ),
    "connection_string": (
        _always("postgres://${DB_USER}:${DB_PASSWORD}@db:5432/app"),
        _always("url: postgres://app:$(DB_PASSWORD)@db/app"),
        _always('f"mysql://{user}:{password}@{host}/db"'),
        _always("amqp://<user>:<password>@host"),
        _always("redis://cache:6379/0"),
        _always("http://host:8080/@vite/client"),
        _with("docker://alpine:3.12@sha256:{}", _SHA256),
        _always("jdbc:postgresql://db:5432/app?ssl=true"),
        _always("https://{{ .Values.user }}:{{ .Values.password }}@repo"),
        _always('"%s://%s:%s@%s" % parts'),
        _always("see https://host:443/a@b"),
    ),
    "password": (
        _always("password: ${DB_PASSWORD}"),
        _always("password: $(cat /run/secrets/db)"),
        _always('password: "{{ .Values.db.password }}"'),
        _always("token: ${{ secrets.DEPLOY_TOKEN }}"),
        _always("volumes:\n- name: certs\n  secret:\n    secretName: my-password"),
        _always("valueFrom:\n  secretKeyRef:\n    name: db-password\n    key: password"),
        _with("existingSecret: {}-credentials", _word),
        _with("imagePullSecrets:\n- name: {}-token", _word),
        _always("password_policy: strict\nrequire_password: true"),
        _always("passwordSecretRef:\n  name: pw"),
        _always("token: true\npassword: null"),
        _always("def login(user: str, password: str, token: Optional[str] = None): ..."),
        _always("interface A { password: string; token?: string }"),
        _always("password: \"\"\nsecret: ''"),
        _always("password: changeme"),
        _always("api_key: <your-api-key>"),
        _always("password = getpass.getpass()"),
        _always("password = os.environ['DB_PASSWORD']"),
        _always("self.password = password"),
        _always('{"user": user, "password": password}'),
        _always('"password": "Please enter your password"'),
        _with("max_tokens: 2048\ntokenizer: {}", _word),
        _always('pad_token: "[PAD]"\neos_token: "</s>"'),
        _with("token_count: {}", _TEN),
        _with("id: {}", _uuid),
        _with("image_digest: sha256:{}", _SHA256),
        _always("permissions:\n  id-token: write"),
        _always("password_file: /run/secrets/db_password"),
        _always("POSTGRES_PASSWORD_FILE=/run/secrets/pw"),
        _always("password = var.db_password"),
        _always('<input type="password" name="password" placeholder="Password">'),
        _always("args: [--token-auth-file=/etc/kubernetes/tokens.csv]"),
        _always("automountServiceAccountToken: false"),
        _always("password: '********'"),
        _always("bypass: 12\npassed: 3"),
        _always("token = tokens[0]"),
        _always("password: *shared"),
        _with("secret: {}-tls", _word),
    ),
    "k8s_secret_data": (
        _with("kind: ConfigMap\ndata:\n  blob: {}", _base64),
        _with("kind: SealedSecret\nspec:\n  encryptedData:\n    a: {}", _base64),
        _always("kind: Secret\nmetadata:\n  name: empty\ntype: Opaque"),
        _always("kind: Secret\ndata:\n  password: {{ .Values.pw | b64enc | quote }}"),
        _with("kind: Secret\nmetadata:\n  name: {}\n---\nkind: ConfigMap\ndata:\n  a: hello", _word),
        _always("kind: ExternalSecret\nspec:\n  data:\n  - secretKey: a\n    remoteRef: {key: b}"),
    ),
}
