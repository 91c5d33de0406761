"""The words that answers are put into: English, German, French and Spanish."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """What a sentence is made of. Counts and classes stand in braces.

    Attributes:
        code: of the language, ISO 639-1.
        voice: Polly's, of its standard engine, which every region with Polly has.
        empty: says that there is nothing.
        one: says that there is one item.
        several: says how many items there are.
        sure: says how sure that is, from most to least.
        match: says that the records tell the same.
        mismatch: says that they do not.
        unsure: says that this cannot be told.
        numbers: words of the numbers from 0 to 10; larger ones are written in digits.
    """

    code: str
    voice: str
    empty: str
    one: str
    several: str
    sure: tuple[str, str, str]
    match: str
    mismatch: str
    unsure: str
    numbers: tuple[str, ...]


ENGLISH = Language(
    code="en",
    voice="Amy",
    empty="the bin is empty",
    one="one item",
    several="{count} items",
    sure=("quite sure", "fairly sure", "but that is a guess"),
    match="The records say so too.",
    mismatch="The records say {expected}, which does not match.",
    unsure="The records say {expected}, which may or may not be right.",
    numbers=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
)
GERMAN = Language(
    code="de",
    voice="Vicki",
    empty="das Fach ist leer",
    one="ein Gegenstand",
    several="{count} Gegenstände",
    sure=("ziemlich sicher", "wahrscheinlich", "aber das ist geraten"),
    match="Das sagen auch die Bestandsdaten.",
    mismatch="Die Bestandsdaten sagen {expected}, das stimmt nicht überein.",
    unsure="Die Bestandsdaten sagen {expected}, das ist ungewiss.",
    numbers=("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn"),
)
FRENCH = Language(
    code="fr",
    voice="Mathieu",
    empty="le casier est vide",
    one="un article",
    several="{count} articles",
    sure=("presque certain", "probablement", "mais c'est une supposition"),
    match="Le stock enregistré est le même.",
    mismatch="Le stock enregistré est de {expected}, ce qui ne correspond pas.",
    unsure="Le stock enregistré est de {expected}, ce qui reste incertain.",
    numbers=("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix"),
)
SPANISH = Language(
    code="es",
    voice="Lucia",
    empty="el compartimento está vacío",
    one="un artículo",
    several="{count} artículos",
    sure=("casi seguro", "probablemente", "pero es una suposición"),
    match="El inventario dice lo mismo.",
    mismatch="El inventario dice {expected}, lo que no coincide.",
    unsure="El inventario dice {expected}, lo que no es seguro.",
    numbers=("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez"),
)
LANGUAGES = {language.code: language for language in (ENGLISH, GERMAN, FRENCH, SPANISH)}


def choose_language(accept_language: str) -> Language:
    """The language that an Accept-Language header likes best of those known here; English where it likes none."""
    liked: list[tuple[float, str]] = []
    for item in accept_language.lower().split(","):
        tag, _, quality = item.replace(" ", "").partition(";q=")
        code = tag.partition("-")[0]
        if code in LANGUAGES:
            liked.append((_share(quality), code))
    best = max(liked, key=lambda like: like[0], default=(0.0, ""))  # of equals, the first
    return LANGUAGES[best[1]] if best[0] > 0 else ENGLISH


def _share(quality: str) -> float:
    """A quality value of HTTP; 1 where it is left out, 0 where it is none."""
    if not quality:
        return 1.0
    whole, _, part = quality.partition(".")
    digits = whole + part
    return float(quality) if digits.isascii() and digits.isdigit() and len(quality) <= 5 else 0.0
