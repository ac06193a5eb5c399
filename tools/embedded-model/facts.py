"""The few facts that the model knows: colours, opposites, numbers, days, animals."""

from __future__ import annotations

import random

from grammar import capitalized, with_article

_COLOURS = """sky:blue|sea:blue|grass:green|sun:yellow|snow:white|milk:white|coal:black|night:black|banana:yellow|lemon:yellow|strawberry:red|cherry:red|
tomato:red|blood:red|orange:orange|carrot:orange|pumpkin:orange|leaf:green|frog:green|crocodile:green|elephant:grey|mouse:grey|crow:black|raven:black|
swan:white|polar bear:white|pig:pink|flamingo:pink|chocolate:brown|wood:brown|earth:brown|lion:yellow|fox:red|robin:brown and red|violet:purple|
grape:purple|plum:purple|cloud:white|fire engine:red|cucumber:green|rose:red|sunflower:yellow|ladybird:red with black dots|zebra:black and white|panda:black and white|
penguin:black and white|gold:yellow|silver:grey|salt:white|pea:green""".replace("\n", "")
_OPPOSITES = """big:small|hot:cold|up:down|left:right|day:night|black:white|good:bad|happy:sad|fast:slow|high:low|old:new|long:short|open:closed|full:empty|
hard:soft|heavy:light|wet:dry|early:late|in:out|loud:quiet|clean:dirty|rich:poor|strong:weak|sweet:sour|thick:thin|wide:narrow|near:far|first:last|
front:back|push:pull|give:take|win:lose|laugh:cry|love:hate|begin:end|start:stop|yes:no|young:old|true:false|inside:outside|above:below|brave:afraid|
dark:bright|deep:shallow|easy:difficult|awake:asleep|summer:winter|friend:enemy|before:after|always:never|smooth:rough|right:wrong|north:south|east:west""".replace("\n", "")
_SOUNDS = """dog:woof|cat:meow|cow:moo|sheep:baa|pig:oink|duck:quack|horse:neigh|rooster:cock-a-doodle-doo|frog:ribbit|owl:hoo hoo|lion:roar|mouse:squeak|
bee:buzz|snake:hiss|crow:caw|donkey:hee-haw|wolf:howl|hen:cluck|goat:meh|bear:growl|monkey:ooh ooh ah ah|elephant:trumpet|bird:tweet|turkey:gobble|goose:honk""".replace("\n", "")
_HOMES = """bird:a nest|bee:a hive|rabbit:a burrow|fox:a den|bear:a cave|dog:a kennel|spider:a web|fish:the water|horse:a stable|pig:a sty|cow:a barn|
lion:a den|ant:an anthill|mole:a tunnel under the ground|squirrel:a hollow tree|beaver:a lodge|snail:its shell|hen:a coop|whale:the sea|frog:a pond|
camel:the desert|penguin:the cold south|monkey:the jungle|owl:a hollow tree|king:a castle""".replace("\n", "")
_YOUNG = """dog:puppy|cat:kitten|cow:calf|horse:foal|sheep:lamb|pig:piglet|duck:duckling|goose:gosling|hen:chick|bear:cub|lion:cub|fox:cub|deer:fawn|goat:kid|
frog:tadpole|swan:cygnet|kangaroo:joey|elephant:calf|whale:calf|butterfly:caterpillar|owl:owlet|wolf:pup|seal:pup""".replace("\n", "")
_LEGS = """dog:four|cat:four|horse:four|cow:four|spider:eight|ant:six|bee:six|bird:two|hen:two|duck:two|frog:four|snake:no|fish:no|octopus:no legs, but eight arms and so no|
elephant:four|mouse:four|beetle:six|butterfly:six|crab:ten|worm:no|lion:four|penguin:two|person:two|chair:four|table:four|ladybird:six|snail:no""".replace("\n", "")
_CATEGORIES = {
    "animals": "a fox, a bear, an owl, a rabbit, a whale, a mouse, a lion, a frog".split(", "),
    "colours": "red, blue, green, yellow, orange, purple, brown, pink, white, black".split(", "),
    "fruits": "apples, pears, cherries, plums, bananas, lemons, grapes, strawberries".split(", "),
    "vegetables": "carrots, potatoes, peas, pumpkins, turnips, cucumbers, onions".split(", "),
    "seasons": "spring, summer, autumn, winter".split(", "),
    "birds": "an owl, a robin, a crow, a swan, a sparrow, an eagle, a penguin".split(", "),
    "toys": "a ball, a doll, a kite, a train, a puzzle, a teddy bear".split(", "),
    "things in the sky": "the sun, the moon, the stars, clouds, birds".split(", "),
}
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May June July August September October November December".split()
_MASS = set("milk snow coal grass blood chocolate wood earth gold silver salt".split())
_UNIQUE = set("sky sea sun night".split())


def _pairs(text: str) -> list[tuple[str, str]]:
    return [tuple(pair.split(":", 1)) for pair in text.split("|")]  # type: ignore[misc]


def _subject(noun: str, rng: random.Random) -> str:
    if noun in _MASS:
        return noun
    return f"the {noun}" if noun in _UNIQUE or rng.random() < 0.2 else with_article(noun)


def any_fact(rng: random.Random) -> tuple[str, str]:
    """Returns a question and its answer."""
    return rng.choice((_colour, _opposite, _sound, _home, _young, _legs, _count, _next_number, _day, _month, _list))(rng)


def _colour(rng: random.Random) -> tuple[str, str]:
    noun, colour = rng.choice(_pairs(_COLOURS))
    subject = _subject(noun, rng)
    word = rng.choice(("colour", "colour", "color"))
    question = rng.choice(("what {w} is {s}", "which {w} is {s}", "what {w} does {s} have", "what is the {w} of {s}", "tell me the {w} of {s}", "do you know what {w} {s} is")).format(w=word, s=subject)
    return question, capitalized(f"{subject} is {colour}.")


def _opposite(rng: random.Random) -> tuple[str, str]:
    pair = rng.choice(_pairs(_OPPOSITES))
    word, other = pair if rng.random() < 0.5 else pair[::-1]
    question = rng.choice(("what is the opposite of {0}", "what's the opposite of {0}", "tell me the opposite of {0}", "the opposite of {0}", "opposite of {0}", "which word is the opposite of {0}")).format(word)
    return question, f"The opposite of {word} is {other}."


def _sound(rng: random.Random) -> tuple[str, str]:
    animal, sound = rng.choice(_pairs(_SOUNDS))
    question = rng.choice(("what does {0} say", "what sound does {0} make", "which sound does {0} make", "how does {0} sound", "what noise does {0} make")).format(with_article(animal))
    return question, f"{with_article(animal).capitalize()} says \"{sound}\"."


def _home(rng: random.Random) -> tuple[str, str]:
    animal, home = rng.choice(_pairs(_HOMES))
    question = rng.choice(("where does {0} live", "what is the home of {0}", "where does {0} sleep", "do you know where {0} lives")).format(with_article(animal))
    return question, f"{with_article(animal).capitalize()} lives in {home}."


def _young(rng: random.Random) -> tuple[str, str]:
    animal, young = rng.choice(_pairs(_YOUNG))
    question = rng.choice(("what is a baby {0} called", "what do you call a baby {0}", "what is the name for a young {0}", "a baby {0} is called what", "how do you call a young {0}")).format(animal)
    return question, f"A baby {animal} is called {with_article(young)}."


def _legs(rng: random.Random) -> tuple[str, str]:
    animal, count = rng.choice(_pairs(_LEGS))
    question = rng.choice(("how many legs does {0} have", "how many legs has {0}", "tell me how many legs {0} has", "what number of legs does {0} have")).format(with_article(animal))
    return question, f"{with_article(animal).capitalize()} has {count} legs."


def _count(rng: random.Random) -> tuple[str, str]:
    first = 1 if rng.random() < 0.7 else rng.randrange(1, 11)
    last = rng.randrange(first + 2, min(first + 12, 21))
    written = (lambda number: NUMBERS[number]) if rng.random() < 0.6 else str
    question = f"count to {written(last)}" if first == 1 and rng.random() < 0.7 else f"count from {written(first)} to {written(last)}"
    question = rng.choice(("{0}", "{0}", "can you {0}", "please {0}", "{0} for me")).format(question)
    return question, capitalized(", ".join(NUMBERS[first : last + 1]) + ".")


def _next_number(rng: random.Random) -> tuple[str, str]:
    number = rng.randrange(1, 20)
    after = rng.random() < 0.6
    written = NUMBERS[number] if rng.random() < 0.7 else str(number)
    question = rng.choice(("what comes {0} {1}", "which number comes {0} {1}", "what number is {0} {1}", "what is the number {0} {1}")).format("after" if after else "before", written)
    return question, f"{NUMBERS[number + (1 if after else -1)].capitalize()} comes {'after' if after else 'before'} {NUMBERS[number]}."


def _in_order(names: list[str], noun: str, rng: random.Random) -> tuple[str, str]:
    index = rng.randrange(len(names))
    after = rng.random() < 0.6
    question = rng.choice(("what {2} comes {0} {1}", "which {2} comes {0} {1}", "what {2} is {0} {1}", "what comes {0} {1}", "tell me the {2} {0} {1}")).format("after" if after else "before", names[index], noun)
    return question, f"{names[(index + (1 if after else -1)) % len(names)]} comes {'after' if after else 'before'} {names[index]}."


def _day(rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.2:
        question = rng.choice(("what are the days of the week", "name the days of the week", "tell me the days of the week", "how many days are in a week", "list the days of the week", "which days are there"))
        return question, "There are seven days in a week: " + ", ".join(_DAYS[:-1]) + " and Sunday."
    return _in_order(_DAYS, "day", rng)


def _month(rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.2:
        question = rng.choice(("what are the months of the year", "name the months", "tell me the months of the year", "how many months are in a year", "list the months"))
        return question, "There are twelve months in a year: " + ", ".join(_MONTHS[:-1]) + " and December."
    return _in_order(_MONTHS, "month", rng)


def _list(rng: random.Random) -> tuple[str, str]:
    noun, members = rng.choice(list(_CATEGORIES.items()))
    count = rng.choice((2, 3, 3, 4)) if noun != "seasons" else 4
    written = NUMBERS[count] if rng.random() < 0.7 else str(count)
    question = rng.choice(("name {0} {1}", "tell me {0} {1}", "can you name {0} {1}", "list {0} {1}", "give me {0} {1}", "do you know {0} {1}")).format(written, noun)
    chosen = rng.sample(members, count) if noun != "seasons" else members
    return question, f"{NUMBERS[count].capitalize()} {noun} are " + ", ".join(chosen[:-1]) + f" and {chosen[-1]}."
