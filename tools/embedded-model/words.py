"""The words that stories are made of."""

from __future__ import annotations

ANIMALS = """fox bear rabbit mouse owl hedgehog squirrel badger deer wolf otter beaver mole frog toad duck goose swan hen rooster
cat dog kitten puppy pony horse donkey cow calf pig piglet sheep lamb goat kid llama alpaca camel elephant giraffe zebra lion
lioness tiger leopard cheetah panther monkey gorilla chimpanzee lemur sloth koala kangaroo wombat platypus penguin seal walrus whale
dolphin shark octopus crab lobster turtle tortoise snail slug worm beetle ladybird butterfly moth bee wasp ant spider cricket
grasshopper dragonfly firefly caterpillar crow raven magpie robin sparrow starling swallow pigeon dove parrot peacock ostrich flamingo
pelican heron stork seagull eagle hawk falcon bat rat hamster gerbil weasel ferret stoat lynx moose reindeer buffalo bison yak
hippo rhino crocodile alligator lizard gecko chameleon snake salamander newt fish goldfish salmon trout eel raccoon skunk opossum
armadillo anteater porcupine chipmunk panda jackal hyena mongoose meerkat puffin cub foal gosling duckling""".split()

PEOPLE = """boy girl baker farmer fisherman sailor captain pirate knight king queen prince princess wizard witch shepherd miller tailor
painter gardener teacher doctor nurse pilot astronaut driver postman librarian clown dancer singer drummer juggler carpenter blacksmith
cook chef shoemaker weaver potter builder explorer hunter miner inventor scientist detective gardener grandmother grandfather
hermit poet musician traveller merchant soldier guard beekeeper clockmaker lighthouse-keeper firefighter mechanic photographer student
child twin goblin""".split()

FANTASY = """dragon robot giant elf dwarf fairy troll ogre ghost unicorn mermaid snowman scarecrow gnome pixie monster goblin griffin
phoenix genie alien puppet imp sprite yeti""".split()

OBJECTS = """lantern kite ball boat drum flute violin guitar trumpet bell whistle book map letter postcard box basket bag backpack purse
coin key lock ring necklace bracelet crown hat scarf coat glove mitten boot shoe sock blanket pillow quilt rug candle lamp torch
mirror comb brush pencil pen crayon paintbrush picture painting photograph camera clock watch hourglass compass telescope magnifier
umbrella parasol ladder rope bucket shovel spade rake hammer saw nail wheel cart wagon sled sledge bicycle scooter tricycle skateboard
train truck car tractor bus rocket balloon airship submarine raft canoe sailboat ship anchor net hook shell pebble stone rock crystal
pearl diamond ruby emerald feather leaf acorn pinecone flower rose tulip daisy sunflower seed tree bush pumpkin carrot turnip potato
apple pear peach plum cherry strawberry lemon orange banana melon cake pie cookie biscuit bun muffin pancake sandwich loaf cheese
honeypot teapot teacup cup mug bowl plate spoon fork pot pan kettle jar bottle jug barrel chest trunk drawer table chair stool bench
bed cradle sofa door window curtain gate fence bridge chimney oven stove fireplace broom mop sponge soap towel bathtub sink toy doll
teddy puppet puzzle top yo-yo marble die card board game robot kite windmill pinwheel sandcastle snowball snowflake icicle star moonstone
wand cloak potion cauldron spell sword shield helmet flag banner ticket stamp envelope newspaper notebook diary album ribbon button
thread needle thimble zipper patch pocket wallet suitcase tent campfire cabin swing slide seesaw trampoline carousel piano harp
accordion tambourine ukulele radio telephone computer television fan magnet battery lightbulb egg nest cocoon cobweb beehive
snowglobe calendar statue fountain mailbox ladle whisk apron rainbow cloud shadow echo""".split()

# (preposition, noun, article of the first mention)
PLACES = [
    ("in", "forest", "the"), ("in", "village", "a"), ("in", "castle", "a"), ("on", "farm", "a"), ("in", "garden", "a"), ("in", "meadow", "a"),
    ("by", "river", "the"), ("by", "lake", "a"), ("by", "sea", "the"), ("on", "island", "an"), ("on", "hill", "a"), ("in", "valley", "a"),
    ("in", "cave", "a"), ("in", "desert", "the"), ("in", "jungle", "the"), ("in", "city", "a"), ("in", "town", "a"), ("on", "mountain", "a"),
    ("in", "swamp", "a"), ("in", "lighthouse", "a"), ("in", "windmill", "a"), ("in", "cottage", "a"), ("in", "cabin", "a"), ("on", "ship", "a"),
    ("in", "harbour", "a"), ("in", "library", "a"), ("in", "school", "a"), ("in", "bakery", "a"), ("in", "museum", "a"), ("in", "palace", "a"),
    ("in", "tower", "a"), ("in", "zoo", "a"), ("in", "park", "a"), ("in", "barn", "a"), ("on", "beach", "the"), ("on", "moon", "the"),
    ("in", "kingdom", "a"), ("in", "orchard", "an"), ("in", "field", "a"), ("at", "market", "the"), ("in", "circus", "a"), ("in", "hotel", "a"),
    ("in", "hospital", "a"), ("at", "station", "a"), ("in", "workshop", "a"), ("in", "kitchen", "a"), ("in", "treehouse", "a"), ("in", "attic", "an"),
    ("on", "boat", "a"), ("on", "planet", "a"), ("in", "mill", "a"), ("by", "pond", "a"), ("by", "stream", "a"), ("on", "bridge", "a"),
    ("in", "greenhouse", "a"), ("in", "theatre", "a"), ("in", "tunnel", "a"), ("in", "ocean", "the"), ("in", "woods", "the"), ("in", "mountains", "the"),
]

OUTINGS = """river|lake|hill|old bridge|meadow|market|big oak tree|beach|pond|stream|old well|village square|apple orchard|edge of the woods|stone wall|old mill|crossroads|top of the hill|waterfall|town gate|berry patch|quiet valley""".split("|")

SPOTS = """under a bush|behind a rock|in the tall grass|under a pile of leaves|at the bottom of the hill|between two roots|inside a hollow log|next to the well|under the bridge|on a low branch|behind the gate|in a puddle|beside the path|under a wooden bench|at the edge of the water|behind an old wall|in a bird's nest|under a big stone""".split("|")

BOYS = """Pip Tom Ben Max Leo Sam Finn Otto Hugo Milo Oscar Felix Jack Theo Noah Luca Rufus Bruno Toby Arlo Henry Oliver George Charlie Jasper
Barnaby Rowan Silas Ivan Marco Diego Omar Kofi Ravi Kenji Anton Nils Emil Piet Jonas Basil Cosmo Digby Edgar Gus Harold Igor Julius
Kasper Linus Monty Ned Orson Percy Quentin Rory Stan Tobias Ulric Victor Walter Yusuf Zeke Alfie Boris Clement Dexter""".split()

GIRLS = """Mia Lily Rosa Anna Ella Ruby Daisy Luna Nora Ida Clara Emma Zoe Eva Ivy Maya Lena Sofia Greta Hazel Poppy Willow Olive Pearl Flora
Stella Tilly Molly Penny Betty Dora Edith Freya Gwen Heidi Iris Juno Kira Lotte Mabel Nina Opal Petra Queenie Rita Saskia Thea Uma
Vera Wanda Yara Zelda Amina Bella Cleo Delia Elsa Fatima Gloria Hana Ines Jia Katya Leila""".split()

TRAITS = """brave kind curious clever gentle shy quiet cheerful patient careful lazy proud hungry sleepy lonely stubborn friendly honest
playful grumpy small young old tiny little big happy busy wise silly""".split()

LOOKS = """red blue green yellow golden silver white black purple orange pink brown old new tiny little big small shiny wooden round heavy strange
beautiful broken dusty colourful striped painted lovely bright plain special""".split()

FOODS = """warm soup|apple pie|honey cakes|fresh bread|berry jam|hot chocolate|pancakes|nut cookies|carrot stew|cheese and bread|plum cake|mint tea|baked potatoes|sweet corn|roasted chestnuts""".split("|")

SKILLS = """swim|sing|dance|skate|paint|read|whistle|bake bread|climb trees|play the drum|juggle|ride a bicycle|tell jokes|build a boat|make soup|draw maps|fly a kite|jump over the stream|write letters|count the stars""".split("|")

FEARS = """the dark|thunder|deep water|high places|loud noises|big dogs|strangers|being alone|the old cave|shadows|the wind|spiders""".split("|")

THEMES = {
    "friendship": ("newcomer", "stuck", "sharing", "mystery", "lost"),
    "kindness": ("found", "stuck", "newcomer", "journey", "mystery"),
    "courage": ("fear", "storm", "stuck", "journey"),
    "bravery": ("fear", "storm", "stuck", "journey"),
    "being brave": ("fear", "storm", "stuck"),
    "honesty": ("honesty", "found"),
    "telling the truth": ("honesty",),
    "sharing": ("sharing", "mystery"),
    "patience": ("garden", "skill"),
    "learning something new": ("skill",),
    "never giving up": ("skill", "contest"),
    "helping others": ("stuck", "found", "journey"),
    "a birthday": ("birthday",),
    "a party": ("birthday",),
    "a surprise": ("birthday",),
    "a race": ("contest",),
    "a contest": ("contest",),
    "a storm": ("storm",),
    "a garden": ("garden",),
    "a mystery": ("mystery",),
    "a secret": ("mystery", "honesty"),
    "a wish": ("wish",),
    "magic": ("wish",),
    "an adventure": ("journey", "storm", "lost"),
    "a journey": ("journey",),
    "a lie": ("honesty",),
    "being lost": ("wayhome",),
    "getting lost": ("wayhome",),
    "coming home": ("wayhome", "journey"),
    "a new friend": ("newcomer",),
    "making friends": ("newcomer",),
    "being afraid": ("fear",),
}

TOPICS = """rain|snow|the moon|the sea|winter|summer|spring|autumn|the stars|the sun|the wind|music|chocolate|space|the night|school|football|holidays|the ocean|mud|ice cream|Christmas|clouds|trains|books|dreams|time|fog|bread|colours|science|love|sleep|rivers|food|the weather|the sky|cheese|games""".split("|")

SYLLABLES = ("ba be bi bo bu da de di do du fa fe fi fo ga go gu ka ke ki ko la le li lo lu ma me mi mo mu na ne ni no nu pa pe pi po ra re ri ro ru sa "
             "se si so su ta te ti to tu va ve vi vo wa we wi za ze zi zo zu bor dak fen gil hom jar kel lum mer nor pol quin rav sel tam vex wim zor "
             "blo cra dri flu gri plo sni spo tri sto").split()
ENDINGS = "n l r x k b ck sh le nd rt mp p t ng s".split()
