"""Words, sentences and texts of the generated sample of the code corpus."""

import random
import re
from collections.abc import Sequence


def word_list(text: str) -> tuple[str, ...]:
    """The words of a text: a list of them that is easy to read and edit."""
    return tuple(text.split())


NOUNS = word_list(
    "anchor arrow badge barrel basket beacon blanket bottle branch bridge bucket button candle canyon carpet castle"
    " cellar chapter cloud comet copper corner cradle crater curtain desert drawer engine falcon feather fender ferry"
    " flower forest fountain garden glacier hammer harbour helmet hollow island jacket kernel kettle ladder lagoon"
    " lantern ledger magnet marble meadow mirror needle orbit orchard packet paddle parcel pebble pencil pepper pigeon"
    " pillow planet pocket prairie puzzle quarry ribbon river rocket saddle sail sensor shadow signal spindle spring"
    " station summit sunset tablet temple thimble thunder ticket timber tower trail tunnel turbine valley vessel violin"
    " wagon walnut whistle willow window winter"
)
ADJECTIVES = word_list(
    "amber ancient brisk broad calm careful clever coastal crisp curious distant early eastern faint fertile fragile"
    " frozen gentle golden heavy hidden hollow humble idle inner late lesser level little lively lonely lunar mellow"
    " modest narrow noisy northern outer patient plain polar quiet rapid remote rough rural scarlet shallow silent"
    " silver simple slender solar southern steady stormy sturdy subtle swift tidal upper vivid warm western wooden"
)
VERBS = word_list(
    "adjust arrange balance blend borrow bundle carve chart climb collect compare count cover cross divide draw fasten"
    " fetch follow gather grind guard guess hoist inspect join launch lift loosen measure mend merge order paint plant"
    " polish rank reach repair rinse roll scatter sculpt shift sift smooth sort spread stack steer stretch survey tally"
    " trace trade trim unfold wander weigh wind wrap"
)
SENTENCES = (
    "{verb} each {noun} of the {adjective} {noun} before the {noun} does",
    "What a {noun} weighs when {number} of its {noun}s are {adjective}",
    "Keeps the {adjective} {noun}s in the order of their {noun}s",
    "The {noun} is {adjective}, so {verb} it with the {noun} instead",
    "Never more than {number} {noun}s: the {adjective} {noun} could not {verb} them",
    "A {adjective} {noun} counts {number} times, as agreed with the {noun} people",
    "Here we {verb} and {verb} until the {noun} has become {adjective}",
    "Answers how many {noun}s there are below the {adjective} {noun}",
    "{number} was found by trying: with fewer, the {noun} would {verb} twice",
    "See the chapter on {adjective} {noun}s for why a {noun} may {verb}",
    "Like the {noun} next door, but {adjective} and without a {noun}",
    "Assumes that every {noun} has a {noun}; {adjective} ones have {number}",
    "Do not {verb} the {noun} here, its {adjective} {noun} is still open",
    "Gives back nothing but {adjective} {noun}s, {number} at the most",
    "Once per {noun}: {verb}, wait for the {adjective} {noun}, {verb} again",
    "Rounds towards the {adjective} {noun}, which is what a {noun} expects",
)
FAILURES = (
    "{noun} must not be {adjective}",
    "no {adjective} {noun} left to {verb}",
    "cannot {verb} a {noun} of {number}",
    "the {noun} has lost its {adjective} {noun}",
)

OWNERS = ("acme", "initech", "globex", "hooli", "umbrella", "stark", "wayne", "cyberdyne", "soylent", "wonka")
PROJECTS = (
    "ledger", "checkout", "catalog", "mailer", "search", "gateway", "profile", "basket", "invoice", "ranking",
    "uploader", "scheduler", "notifier", "reviews", "pricing", "tracking", "report", "billing", "atlas", "weather",
)  # fmt: skip
BENCHMARK = (
    "Given the heights of the waves of one night, return the longest run in which no wave is twice as high as the last."
)

GERMAN = "Größe der Häfen: für jede Brücke wird die Höhe über dem Fluß geprüft"
FRENCH = "Les clés déjà vérifiées sont gardées jusqu'à l'été, même près du château"
JAPANESE = ("港の高さを計算する。波が高いときは船を待たせる。", "橋の長さを測り、一番長いものを返す。")

RUBY = """# {about}
class {name}
  attr_reader :{one}s

  def initialize({one}s)
    @{one}s = {one}s
  end

  def {verb}_{other}s(limit)
    {one}s.select {{ |{one}| {one} > limit }}.map {{ |{one}| {one} * {number} }}.sum
  end
end
"""


def sentence(rng: random.Random, shapes: Sequence[str] = SENTENCES) -> str:
    """A sentence of a shape; every gap is drawn for itself."""
    gaps = {"noun": NOUNS, "adjective": ADJECTIVES, "verb": VERBS}

    def drawn(match: re.Match[str]) -> str:
        return str(rng.randrange(2, 900)) if match[1] == "number" else rng.choice(gaps[match[1]])

    text = re.sub(r"\{(\w+)\}", drawn, rng.choice(shapes))
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    return text[0].upper() + text[1:] if shapes is SENTENCES else text
