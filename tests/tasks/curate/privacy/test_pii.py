"""What is personal or secret in a text is found, what only looks like it is left, and finding is fast and safe."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curate.privacy import pii
from tests.benchmarks import pii_test_set
from tests.tasks.curate.privacy.scanning import scanned

PEM = "-----BEGIN {0}PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn\nabcDEF123=\n-----END {0}PRIVATE KEY-----"
AWS_40 = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"
GITHUB = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
HEAD = "apiVersion: v1\nkind: Secret\ndata:\n"

# One value between ⟦ and ⟧ (or several), and its kind.
FOUND = {
    "email": """
        联系⟦alice@corp.cn⟧谢谢
        mailto:⟦Bob_Jones+x@Sub.Acme.CO.UK⟧?subject=x
        "Jane <⟦jane@acme.dev⟧>, ⟦joe@acme.dev⟧"
        https://x.io/?email=⟦alice%40corp.com⟧&x=1
        printf("\\n⟦alice@corp.com⟧\\n\\u003c⟦bob@corp.com⟧\\u003e");
        # ⟦josé.garcía@empresa.es⟧.
        CORP\\⟦alice@corp.com⟧
        ssh ⟦deploy@git.corp.com⟧:x.git
    """,
    "ipv4": """
        {"a":"⟦10.1.2.3⟧"} ["⟦10.0.0.1⟧","⟦192.168.1.20⟧"]
        server ⟦10.20.30.40⟧:8080; http://⟦172.16.5.4⟧:9090/metrics
        IP:⟦10.1.2.3⟧, DNS:x
        ⟦10.0.0.10⟧-⟦10.0.0.20⟧
        image: ⟦10.0.0.1⟧:5000/app:v1
        worker-a/⟦10.1.2.3⟧:8020 connected to /⟦10.1.2.4⟧
        ping ⟦10.0.0.1⟧.
        host: app.⟦10.1.2.3⟧.nip.io
        ip.addr==⟦10.1.2.3⟧
        地址⟦10.0.0.1⟧端口
        https://⟦10.0.0.1⟧/24
        ⟦10.0.0.1⟧..⟦10.0.0.9⟧
    """,
    "ipv6": """
        http://[⟦2a03:2880:f12f:83:face:b00c:0:25de⟧]:80/ http://[⟦abcd::1⟧]/
        ⟦fe80::1ff:fe23:4567:890a%eth0⟧ and ⟦2400:cb00::⟧
        IP:⟦2606:4700:4700::1111⟧, ⟦2a00::1f4⟧
        "⟦::ffff:10.0.0.5⟧" ⟦fd00::beef⟧.
    """,
    "aws_key": f"""
        AWS_ACCESS_KEY_ID=⟦AKIAIOSFODNN7EXAMPLE⟧
        aws_secret_access_key = ⟦{AWS_40}⟧
        aws configure set aws_secret_access_key ⟦{AWS_40}⟧
        "SecretAccessKey": "⟦{AWS_40}⟧"
    """,
    "github_token": f"""
        git clone https://x-access-token:⟦{GITHUB}⟧@github.com/x/y
        token: ⟦github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ⟧
    """,
    "openai_key": """
        "sk-": "⟦sk-proj-abc_DEF-123456789012345678901234567890⟧"
        OPENAI_API_KEY=⟦sk-abcdEFGH1234abcdEFGH1234abcdEFGH1234abcdEFGH1234⟧
    """,
    "slack_token": "SLACK: ⟦xoxb-123456789012-1234567890123-abcdefghijklmnopqrstuvwx⟧",
    "slack_webhook": "curl ⟦https://hooks.slack.com/services/T0ABCDEF1/B0ABCDEF2/abcdefghijklmnopqrstuvwx⟧",
    "google_api_key": "?key=⟦AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe⟧&x=1",
    "service_token": "//registry.npmjs.org/:_authToken=⟦npm_16C7e42F292c6912E7710c838347Ae178B4a⟧",
    "jwt": f"Authorization: Bearer ⟦{JWT}⟧",
    "private_key": "\0".join(
        (
            *(f"key: |\n⟦{PEM.format(label)}⟧" for label in ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")),
            '"⟦' + PEM.format("RSA ").replace("\n", "\\n") + '⟧\\n"',
            "⟦-----BEGIN PRIVATE KEY-----\n" + 2 * ("MIIE" * 16 + "\n") + "abc=⟧\nand then it is cut",
        )
    ),
    "connection_string": """
        postgres://⟦admin:s3cr3t⟧@db.internal:5432/app mysql://⟦root:p@ss⟧@db/x
        mongodb+srv://⟦u:p%40ss⟧@cluster0.mongodb.net/test
        redis://⟦:abc123⟧@redis:6379/0
        https://⟦0123456789abcdef0123456789abcdef⟧@o1.ingest.sentry.io/1
        jdbc:postgresql://db:5432/app?user=app&password=⟦hunter2⟧&ssl=true
        jdbc:oracle:thin:⟦scott/tiger⟧@//db:1521/orcl
        AccountName=acct;AccountKey=⟦Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYg==⟧;EndpointSuffix=core.windows.net
        Server=db;User Id=sa;Password=⟦Str0ng!Pass⟧;
        "host=db user=app password=⟦hunter2⟧ dbname=app"
        sql.Open("mysql", "⟦root:hunter2⟧@tcp(db:3306)/app")
        smtp://⟦alice@corp.com:pw123⟧@smtp.corp.com:587
    """,
    "password": """
        password: ⟦hunter2⟧ # a comment
        "db_password": "⟦x⟧", "admin_password" : '⟦z⟧'
        DB_PASSWORD=⟦x⟧
        export API_TOKEN='⟦x1y2z3a4⟧'
        cmd --password ⟦x⟧ --token=⟦abc123def456⟧
        PGPASSWORD=⟦letmein⟧ psql -h db
        MYSQL_ROOT_PASSWORD: ⟦x⟧
        POSTGRES_PASSWORD: ⟦password⟧
        helm install a b --set a=b,auth.password=⟦x⟧,c=d
        - {name: API_KEY, value: ⟦abcd1234efgh⟧}
        {"name": "DB_PASSWORD", "value": "⟦hunter2⟧"}
        <add key="password" value="⟦hunter2⟧"/>
        const apiKey = '⟦a1b2c3d4e5f6⟧';
        password: str = "⟦s3cr3t⟧"
        <password>⟦hunter2⟧</password>
        ENV DB_PASSWORD ⟦hunter2⟧
        os.environ["DB_PASSWORD"] = "⟦hunter2⟧"
        os.getenv("DB_PASSWORD", "⟦letmein⟧") or put("password", "⟦hunter2⟧")
        {"a": "{\\"password\\": \\"⟦hunter2⟧\\"}"}
        client.setPassword("⟦hunter2⟧")
        client_secret: "⟦Xy9~abc.def-ghi⟧"
        curl -u admin:⟦hunter2⟧ https://x
        mysql -uroot -p⟦hunter2⟧ db
        CREATE USER a WITH PASSWORD '⟦hunter2⟧';
        CREATE USER a IDENTIFIED BY '⟦hunter2⟧';
        requirepass ⟦hunter2⟧
        curl -H "Authorization: Basic ⟦dXNlcjpwYXNzMQ==⟧"
        "auth": "⟦dXNlcjpwYXNz⟧"
        _auth=⟦dXNlcjpwYXNz⟧
        ?api_key=⟦9f8e7d6c5b4a3f2e⟧&x=1
        db.password=⟦hunter2⟧
        login with password: ⟦hunter2⟧ and go
        AUTH_TOKEN=${AUTH_TOKEN:-⟦abc123def⟧}
        password: &pw ⟦hunter2⟧
        password: '⟦correct horse battery staple⟧'
        {user: x, password: ⟦hunter2⟧}
        JWT_SECRET=⟦supersecretkey⟧
        machine h login u password ⟦hunter2⟧
    """,
}
FOUND |= {
    "ssn": "ssn: ⟦212-45-6789⟧",
    "credit_card": "card 4111 1111 1111 1112 or ⟦4111 1111 1111 1111⟧",
    "phone": "call ⟦+44 20 7946 0958⟧ or ⟦(212) 736-5000⟧",
}
FOUND_IN_LINES = {
    "password": (
        "- name: DB_PASSWORD\n  value: ⟦x⟧",
        '- name: "DB_PASSWORD"\n  # why\n  value: "⟦s3cret⟧"\n',
        "- value: ⟦hunter2⟧\n  name: DB_PASSWORD",
        "- name: KEY_PASSWORD\n  value: |\n    ⟦hunter2⟧\n- name: x",
        "password: |\n  ⟦hunter2⟧\n\n\nuser: x",
        "args:\n  - --password\n  - ⟦hunter2⟧",
        'variable "db_password" {\n  type = string\n  default = "⟦hunter2⟧"\n}',
    ),
    "k8s_secret_data": (
        HEAD + "  password: ⟦aHVudGVyMg==⟧\n  # said\n  user: ⟦YWRtaW4=⟧ # admin",
        "data:\n  a.txt: ⟦aHVudGVyMg==⟧\nkind: Secret\nmetadata:\n  name: x",
        'kind: "Secret"\nstringData:\n  "a": "⟦it is⟧"\n  b: ⟦two words⟧\n---\nkind: ConfigMap\ndata:\n  a: b',
        "items:\n- apiVersion: v1\n  data:\n    p: ⟦aHVudGVyMg==⟧\n  kind: Secret\n- kind: Pod",
        "items:\n- kind: Secret\n  data:\n    p: ⟦aHVudGVyMg==⟧\n- kind: ConfigMap\n  data:\n    a: b",
        "kind: Secret\nstringData: {a: ⟦abc⟧, 'b': '⟦d e⟧'}",
        '{"apiVersion":"v1","kind":"Secret","data":{"a":"⟦aHVudGVyMg==⟧"}}',
        HEAD + "  ca.crt: |\n    ⟦LS0tLS1CRUdJTg==\n    LS0tLS1FTkQ=⟧\n",
        HEAD + "  blob: !!binary |\n    ⟦aHVudGVyMg==⟧\n",
    ),
}

LEFT = """
    image: nginx:12.1.0.1
    FROM redis:6.2.1.4
    version: 1.2.3.4
    __version__ = '1.2.3.4'
    appVersion: "12.1.0.1"
    imageTag: 12.1.0.1
    versions: [1.2.3.4, 1.2.3.5]
    chart: foo-1.2.3.4
    pkg==1.2.3.4 and foo>=1.2.3.4,<2.0.0.0
    https://x.io/foo-1.2.3.4.tar.gz https://x.io/1.2.3.4/a.jar
    Chrome/120.0.0.0 Safari/537.36
    token: _StrPathToken
    {"addressPrefix":"10.0.0.0","prefixLen":8}
    cidr: 10.0.0.0/8 or fd00::/8 or fd00:10:244::/56
    127.0.0.1 0.0.0.0:80 255.255.255.0 192.0.2.5 198.51.100.7 203.0.113.9 2001:db8::1 ::1 0.1.2.3
    999.1.1.1 1.2.3.4.5 01.2.3.4 1.2.3 1.2.3.4-rc1
    ## 1.2.3.4 (2020-01-31)
    see §13.1.2.4 and OID 1.3.6.1 and 2.5.29.19
    M1.08.58 1.23.82.72-.18 and 0-.53-.01 1.08.58 1.23.82.72 1.21
    std::a::b a::b Foo::Bar2 dead::beef::cafe x[1::2] ratio 3:4::5
    12:34:56 00:1a:2b:3c:4d:5e aa:bb:cc:dd:ee:ff:00:11 1:2:3:4:5:6:7
    git@github.com:org/repo.git ssh://git@gitlab.com/org/repo
    user@example.com a@b.example root@localhost user@host
    foo@1.2.3 pkg@1.0.0-beta.one user@v1 @Override icon@2x.png getty@tty1.service aes256-gcm@openssh.com
    img@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    task-abcdefghijklmnopqrstuv0 sk-learn-contrib sk-abcdefghijklmnopqrstuvwxyz
    AKIA123 ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx AIzaTooShort xoxb-your-token eyJhbGciOiJIUzI1NiJ9
    PEM_HEADER = "-----BEGIN PRIVATE KEY-----"
    "-----BEGIN PRIVATE KEY-----" in x or x.endswith("-----END PRIVATE KEY-----")
    secretName: my-password
    secretKeyRef: {name: db, key: password}
    existingSecret: postgres-credentials1
    secret: my-tls-secret
    password: ${PASSWORD} $(cat /run/pw)
    password: {{ .Values.password }}
    password: "{{ .Values.password | b64enc }}"
    password_policy: strict
    passwordSecretRef: abc123x
    token: true
    token: Optional[str] = None
    password: string;
    password: ""
    password: !vault |
    password: *alias
    password: changeme
    password: <your-password>
    password: ~
    password = getpass.getpass()
    password = f"{prefix}{x}"
    self.password = password
    "password": password,
    token: 1234567890
    pass: 3
    id-token: write
    password = var.db_password
    eos_token: "</s>", pad_token: "[PAD]"
    passwordFile: /run/secrets/pw1
    --password-stdin --token-auth-file=/etc/x1
    "password": "Enter your password"
    "password": "Passwort"
    password: 密码
    postgres://${USER}:${PASSWORD}@host/db %s:%s@host
    docker://alpine:3.12@sha256:abcdef
    https://host:8080/@vite/client
    checksum/secret: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    next_token: abc123def456
    func(password=password, token=tok1)
    kind: SecretStore
    Authorization: Bearer $TOKEN
    "auth": "required"
    "auth": "dXNlcg==" or "auth": "requiredx"
    api_key: DB_API_KEY
    is_strong_password("Hello1!")
    password: "DB_PASSWORD"
    password = 'x
    <password name="x">
    token: refreshToken
    apiKey: "refreshToken"
"""
LEFT_IN_LINES = (
    "{\n  user: admin,\n  password: hashed\n}",
    "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      key: x1y2z3a4",
    "- name: DB_PASSWORD\n- name: b\n  value: x1y2z3a4",
    "- name: DB_PASSWORD",
    "args:\n- --password",
    'variable "db_password" {\n  type = string\n}\nvariable "b" {\n  default = "x1"\n}',
    'variable "db_password" {\n  default = var.x\n}',
    "password: |\nuser: x",
    "kind: Secret\ndata:\n  a: {{ .Values.x }}\n{{ end }}\n  b: ''\nmetadata:\n  name: x1",
    "spec:\n  kind: Secret\n  name: x\ndata:\n  a: aHVudGVyMg==",
    "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END CERTIFICATE-----",
    "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
)


def lines(block: str) -> list[str]:
    """The lines of a block of examples, or its parts where they are told apart by NUL."""
    if "\0" in block:
        return block.split("\0")
    return [line.strip() for line in block.strip().split("\n")]


def marked(text: str) -> tuple[str, list[str]]:
    """The text without ⟦ and ⟧, and what stood between."""
    values = [piece.split("⟧")[0] for piece in text.split("⟦")[1:]]
    return text.replace("⟦", "").replace("⟧", ""), values


CASES = [(kind, text) for kind, block in FOUND.items() for text in lines(block)]
CASES += [(kind, text) for kind, texts in FOUND_IN_LINES.items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_finds_exactly_the_value(kind, text):
    """Each kind is found where it hides in practice: the whole value, nothing beside it, under its own name."""
    plain, values = marked(text)
    assert [(plain[s.start : s.end], s.kind) for s in pii.find(plain) if s.kind == kind] == [(v, kind) for v in values]


@pytest.mark.parametrize("text", [*lines(LEFT), *LEFT_IN_LINES])
def test_leaves_what_only_looks_like_it(text):
    """Versions, blocks of addresses, scopes, references, names of secrets, types, labels and stand-ins are kept."""
    assert [(text[s.start : s.end], s.kind) for s in pii.find(text)] == []


def test_every_kind_has_a_case_and_a_placeholder():
    """No kind is promised that no example shows."""
    assert {kind for kind, _ in CASES} == set(pii.KINDS) == set(pii.PLACEHOLDERS)


def test_a_credential_in_a_link_goes_before_the_address_it_makes():
    """`app:x@db.corp.com` is a login at a host, not somebody's mail address; a token in it keeps its own kind."""
    assert [s.kind for s in pii.find("postgres://app:x1@db.corp.com/x")] == ["connection_string"]
    assert [s.kind for s in pii.find(f"https://me:{GITHUB}@github.com")] == ["github_token"]


def test_a_secret_of_the_cluster_swallows_what_it_holds():
    """One span for a whole value of a Secret, though it holds a key and an address."""
    text = HEAD.replace("data", "stringData") + f"  conf: |\n    host: 10.1.2.3\n    token: {GITHUB}\n    plain words\n"
    assert [s.kind for s in pii.find(text)] == ["k8s_secret_data"]


def test_redact_puts_placeholders_and_tells_where_the_values_stood():
    """Worked by hand: the spans are of the original text."""
    redacted = pii.redact("mail bob@corp.io or 10.1.2.3!")
    assert redacted.text == "mail <EMAIL> or <IPV4>!"
    assert redacted.spans == (pii.Span(5, 16, "email"), pii.Span(20, 28, "ipv4"))


def test_what_only_redaction_brings_to_light_is_redacted_too(monkeypatch):
    """A value found only once its neighbour is gone is redacted as well, and told in the original text's characters."""
    seen = {"a b c": [pii.Span(0, 1, "ipv4")], "<IPV4> b c": [pii.Span(3, 8, "email"), pii.Span(9, 10, "jwt")]}
    monkeypatch.setattr(pii, "find_all", lambda texts: [seen.get(text, []) for text in texts])
    redacted = pii.redact("a b c")
    assert redacted.text == "<EMAIL> <JWT>"
    assert redacted.spans == (pii.Span(0, 3, "email"), pii.Span(4, 5, "jwt"))
    seen |= {"d e": [pii.Span(2, 3, "ipv4")], "d <IPV4>": [pii.Span(0, 1, "jwt")]}
    assert pii.redact("d e") == pii.Redacted("<JWT> <IPV4>", (pii.Span(0, 1, "jwt"), pii.Span(2, 3, "ipv4")))


def test_clean_text_comes_back_as_it_was():
    """No finding, no change."""
    assert pii.redact("replicas: 3\n") == pii.Redacted("replicas: 3\n", ())
    assert pii.find_all([]) == []


def test_many_texts_at_once_are_each_text_alone():
    """The scan over many texts hides nothing: every planted value and every tempter, in one piece or alone."""
    texts = [marked(text)[0] for _, text in CASES] + lines(LEFT) + [p.text for p in pii_test_set.plants(7, per_kind=12)]
    assert scanned(texts) == [pii.find(text) for text in texts]


def test_a_long_text_is_searched_like_a_short_one():
    """Rare anchors are sought together in a long text, one by one in a short one: the same is found."""
    filler = "x = 1  # nothing\n" * (pii.SHORT // 8)
    for text in (marked(text)[0] for _, text in CASES):
        moved = [(s.start - len(filler), s.end - len(filler), s.kind) for s in pii.find(f"{filler}{text}")]
        assert moved == [(s.start, s.end, s.kind) for s in pii.find(text)]


def test_redacting_the_examples_leaves_nothing_and_is_done_once():
    """The leak check is the same detector: it finds nothing afterwards, and a second redaction changes nothing."""
    for text in [marked(text)[0] for _, text in CASES] + [plant.text for plant in pii_test_set.plants(3, per_kind=12)]:
        redacted = pii.redact(text)
        assert pii.find(redacted.text) == []
        assert pii.redact(redacted.text) == pii.Redacted(redacted.text, ())


def test_other_letters_and_broken_ones_move_no_span():
    """Letters whose small form is longer, and lone surrogates, which are no Unicode, shift nothing."""
    text = "İİ \ud800 PASSWORD=hunter2 \udfff ☕ bob@corp.io"
    assert [text[s.start : s.end] for s in pii.find(text)] == ["hunter2", "bob@corp.io"]
    assert scanned([text, text]) == [pii.find(text)] * 2
    assert pii.find("\u212aey toKen\u017f = 'x1y2z3a4'") == scanned(["\u212aey toKen\u017f = 'x1y2z3a4'"])[0]


FRAGMENTS = st.sampled_from(
    [
        *"@.:/=-'\"`\\\n \t{}[]<>$%#|&;,0aF",
        *("password", "token: ", "10.0.0.1", "1.2.3.4", "a@b.co", "::", "://", "key=", "hunter2", "2a02:26f0:1::7"),
        *(
            "<EMAIL>",
            "kind: Secret\n",
            "data:\n",
            "  x: ",
            "eyJhbGciOi.",
            "AKIAIOSFODNN7EXAMPLE",
            "- name: ",
            "value: ",
        ),
        *("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "é", "用户", "|\n"),
    ]
)


@pytest.mark.parametrize(
    ("before", "address"),
    [
        *(("", text) for text in ("::10.0.0.1", "::ffff:10.0.0.1", "1:2:3:4:5:6:10.0.0.1", "1:2:3:4:5::8.8.8.8")),
        *((before, "::10.0.0.1") for before in ("x ", "ip:", "\\n")),
        *((before, "::ffff:a1:2") for before in ("x ", "p:", "\\n")),
    ],
)
def test_a_scan_of_many_texts_takes_an_address_with_a_dotted_tail_whole(before, address):
    """What picks the lines to examine knows each spelling that the pattern knows, else the quad is taken alone."""
    whole = [pii.Span(len(before), len(before) + len(address), "ipv6")]
    assert scanned([before + address]) == [pii.find(before + address)] == [whole]


@settings(max_examples=400, deadline=None)
@given(st.lists(FRAGMENTS, max_size=30).map("".join))
def test_laws_of_finding_and_redacting(text):
    """For any text: spans lie in order, apart and within; many texts are each alone; redaction leaves nothing."""
    spans = pii.find(text)
    edges = [edge for span in spans for edge in (span.start, span.end)]
    assert edges == sorted(edges)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert scanned([text]) == [spans]
    redacted = pii.redact(text)
    assert pii.find(redacted.text) == []
    assert pii._with_placeholders(text, redacted.spans) == redacted.text


HOSTILE = {
    "letters": "a",
    "dots": "1.",
    "colons": "a:",
    "at": "a@",
    "at-dots": "a@b.",
    "links": "://a:",
    "key": "password",
    "keys": "password: ",
    "quotes": 'password="',
    "escapes": 'token="\\',
    "pem": "-----BEGIN PRIVATE KEY-----",
    "curl": "curl -u ",
    "mysql": "mysql x ",
    "login": "x login ",
    "names": "- name: password",
    "annotated": "password: a ",
    "jwt": "eyJaaaaaaa.",
    "version": "version ",
    "spaces": " ",
    "braces": "kind: Secret {",
    "secrets": "kind: Secret\n",
    "json": '{"kind": "Secret", ',
}


@pytest.mark.parametrize("bait", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.slow
def test_no_bait_makes_a_pattern_run_away(bait):
    """A megabyte, on one line or on many, of what each pattern likes to begin with: seconds of CPU, not hours."""
    for text in (bait * (1_000_000 // len(bait)), f"{bait}\n" * (1_000_000 // len(bait))):
        begun = time.process_time()
        pii.find(text)
        assert time.process_time() - begun < 20


def test_a_line_of_five_megabytes_is_no_trouble():
    """Minified code on one line, with a secret at its end."""
    line = 'function(e,t){return e.a[0]||t.b(1,"x")};' * 122_000 + 'var password="hunter2"'
    begun = time.process_time()
    assert [line[s.start : s.end] for s in pii.find(line)] == ["hunter2"]
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("mark", ["# ", "// ", " * ", "-- ", "    #"])
def test_a_key_in_a_comment_is_found_whatever_its_lines_begin_with(mark: str) -> None:
    head, foot = "-----BEGIN RSA " + "PRIVATE KEY-----", "-----END RSA " + "PRIVATE KEY-----"
    lines = [head, *("MIIEow" + "Ab3/" * 14 for _ in range(3)), foot]
    text = "x = 1\n" + "\n".join(mark + line for line in lines) + "\ny = 2\n"
    assert [span.kind for span in pii.find(text)] == ["private_key"]
    assert "MIIEow" not in pii.redact(text).text
