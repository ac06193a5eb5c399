"""The plots: beats in order (`?` marks one that short stories leave out), what follows, what one may ask, and the lesson.

Slots: n, s, o, p are the hero's name and pronouns, h "the fox"; f, fs, fo, fp, fh the friend's; x "the lantern", ax "a red lantern",
xx "lantern"; home "the forest", in_home "in the forest"; out, spot, food, skill, fear as in words.py.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plot:
    name: str
    beats: tuple[str, ...]
    after: tuple[str, ...]
    questions: tuple[tuple[str, str], ...]
    lesson: str
    summary: str


PLOTS: tuple[Plot, ...] = (
    Plot(
        "lost",
        (
            "[more than anything,|of all the things in the world,] {n} loved {p} {lxx}.|{n} had {alx} [and took it everywhere|that {s} loved very much|and never let it out of sight].|the thing {n} loved most was {alx}.",
            "[one day|one windy morning|one afternoon|then, one day], {x} was gone.|[one day|one morning], {n} [walked|went] to {out}, and on the way {s} lost {x}.|but one [day|evening], {n} could not find {x} [anywhere|at all].",
            "?{s} [had left it on the ground and the wind had taken it|had dropped it without noticing|had put it down for a moment and forgotten it].|there was a hole in {p} [bag|pocket], and {x} had fallen out.",
            "{n} looked [everywhere|high and low]: [under the bed, behind the door, and in every corner|in the house, in the yard, and along the path], but {x} was not there.|{n} searched [all morning|until {p} feet hurt|all over {home}], but there was no sign of {x}.",
            "?\"[what is wrong|why are you so sad|what happened]?\" asked {f} {fh}. \"I have lost my {xx},\" said {n}.|{n} sat down and began to cry. soon {f} {fh} came by and asked what was wrong.",
            "\"[let us look together|I will help you|two can look better than one],\" said {f}. [so they walked back along the path|so they went back to {out}], step by step.|{f} {fh} [offered to help|came to help], and [together they|the two of them] went back to {out}.",
            "[at last|suddenly|just before dark], {f} [saw|spotted|noticed] something {spot}. it was {x}!|and there, {spot}, lay {x}. {f} had found it!",
            "{n} [hugged|thanked] {f} and [danced with joy|laughed out loud|smiled for the rest of the day].|{n} was so happy that {s} [gave {f} a big hug|shared {food} with {f}].",
            "?from that day on, {n} [took better care of {x}|kept {x} in a safe place|always looked twice before leaving].",
        ),
        (
            "The next day, {n} [sewed a new pocket|tied a ribbon around {x}|made a safe shelf for {x}] so that it would never be lost again. then {s} [invited {f} for {food}|went to play with {f}].",
            "[a week later|the next morning], {f} lost something too, and this time it was {n} who helped to look. they found it {spot}, and they laughed all the way home.",
        ),
        (
            ("what did {n} lose|what was lost|what was {n} looking for", "{n} lost {p} {xx}."),
            ("who found {x}|who helped {n}", "{f} {fh} found {x}."),
            ("why was {n} sad|why did {n} cry", "{n} was sad because {s} had lost {p} {xx}."),
            ("where was {x}|where did they find {x}", "they found {x} {spot}."),
        ),
        "[a good friend helps you look|what is lost can be found when friends help|take good care of the things you love].",
        "{n} lost {p} {lxx} and looked everywhere. {f} {fh} helped, and they found it {spot}. {n} was happy again.",
    ),
    Plot(
        "found",
        (
            "[one day|one morning|one sunny day], {n} [was walking|went for a walk|was on the way] to {out}. [there|{spot}|on the path], {s} [found|saw] {ax}.|[one day|one quiet afternoon], {n} [found|discovered] {ax} {spot}.",
            "?\"[how lovely|what a fine thing|what is this]!\" said {n}. \"[whose can it be|who could have lost it|I wonder whose it is]?\"",
            "{n} [wanted to keep it|liked it very much], but {s} knew that [somebody must be missing it|it belonged to somebody else].|for a moment {n} [thought of keeping it|put it in {p} bag], but then {s} thought of the one who had lost it.",
            "?[so {s} asked everyone {in_the_home}|so {n} went from door to door], but [nobody knew anything about {x}|everyone shook their heads].",
            "[at last|near {out}|in the evening], {n} met {f} {fh}, who [was crying|looked very sad]. \"I have lost my {xx},\" said {f}.",
            "\"[is this it|look what I found|do not cry]!\" said {n}, and {s} [held out|gave back] {x}.|{n} [smiled|laughed] and gave {x} back at once.",
            "{f} was [so happy|overjoyed|so glad] that {fs} [jumped up and down|hugged {n}|did not know what to say]. \"[thank you|you are very kind|how can I thank you]!\" {fs} said.",
            "?to say thank you, {f} [made {food}|invited {n} for {food}], and they [talked until the stars came out|ate it together].",
            "from then on, {n} and {f} were [best friends|the best of friends|good friends].|{n} [went home|walked home] with empty hands and a [full|warm|happy] heart.",
        ),
        (
            "The next day, {f} came to visit {n}. {fs} brought {x} along, and the two of them [used it in a new game|showed it to everyone {in_the_home}].",
            "after that, {n} and {f} met at {out} every [week|day]. {f} never lost {x} again, because {n} [gave {fo} a little bag for it|tied a bell to it].",
        ),
        (
            ("what did {n} find|what was found", "{n} found {ax}."),
            ("whose was {x}|who had lost {x}|who did {x} belong to", "{x} belonged to {f} {fh}."),
            ("what did {n} do with {x}|did {n} keep {x}", "{n} gave {x} back to {f}."),
        ),
        "[being honest makes new friends|a kind deed is worth more than a thing|give back what is not yours].",
        "{n} found {ax} {spot}. it belonged to {f} {fh}, so {n} gave it back, and they became friends.",
    ),
    Plot(
        "storm",
        (
            "[one night|one evening|one day], [a great storm came|dark clouds came over {home}|the wind began to howl].|it had been a [warm|quiet] day, but in the evening a [terrible|wild|great] storm began.",
            "?the rain [beat on the roof|fell like a river], and the wind [shook the trees|blew all the doors open]. {n} [held {x} close|hid under the blanket].",
            "then {n} [heard|thought of] {f} {fh}, who was [all alone outside|still out by {out}|far from home]. \"[I must help|I have to go|I cannot leave {fo} out there],\" said {n}.",
            "{n} [took|picked up|grabbed] {p} {lxx} and [went out into the storm|ran into the rain|stepped out into the night].|with {ax} in {p} hands, {n} [went out into the storm|walked into the dark].",
            "?[step by step|slowly|bravely], {n} went on, though {s} was [cold and wet|very afraid|hardly able to see]. {s} called, \"{f}! {f}! where are you?\"",
            "at last {s} found {f} {spot}, [shaking with cold|wet and frightened|too afraid to move].",
            "\"[do not be afraid|I am here now|follow me],\" said {n}. [with the help of {x}, they found the way home|{x} helped them to find the way home|they held on to {x} and walked home together].",
            "?back home, they [sat by the fire|dried their feet] and had {food}. outside, the storm [grew tired and went away|slowly became quiet].",
            "{f} [said|whispered], \"you are the bravest {k} I know.\"|in the morning the sun came out, and {f} and {n} [laughed about the storm|were safe and warm].",
        ),
        (
            "In the morning, {n} and {f} went outside. the storm had [broken the old fence|blown down a tree], so they [fixed it|cleaned up] together. {x} got a place of honour above the fire.",
            "when the next storm came, nobody was afraid. {n} put {x} [in the window|by the door], and everyone came in for {food}.",
        ),
        (
            ("who was out in the storm|who did {n} save|who did {n} help", "{n} helped {f} {fh}."),
            ("what did {n} take along|what did {n} use|what helped them", "{n} took {p} {xx} along."),
            ("where did {n} find {f}|where was {f}", "{n} found {f} {spot}."),
        ),
        "[you can be brave and afraid at the same time|a brave heart goes out to help a friend|nobody should be alone in a storm].",
        "a great storm came, and {f} {fh} was still outside. {n} took {p} {lxx}, found {f} {spot}, and brought {fo} safely home.",
    ),
    Plot(
        "stuck",
        (
            "one [day|morning], {n} [was playing with|was carrying|had with {o}] {ax} when {s} heard a [small voice|cry|shout]. \"[help|please help me|is anybody there]!\"|[one day|one afternoon], on the way to {out} with {p} {lxx}, {n} heard somebody call for help.",
            "it was {f} {fh}, who [had fallen into a deep hole|was stuck in the mud|had climbed up too high and could not come down|was caught in a thorny bush].|{n} ran to look, and there was {f} {fh}, stuck {spot}.",
            "?{n} pulled [and pulled|with all {p} strength], but {f} did not move. \"[it is no use|I will never get out|leave me here],\" [cried|said] {f}.",
            "{n} [sat down and thought|thought hard|looked around]. then {s} [had an idea|looked at {x} and smiled].|\"[wait|do not worry|I have an idea],\" said {n}, and {s} [looked at|picked up] {x}.",
            "{s} [held out {x}|pushed {x} closer|let {x} down], and {f} held on tight. one, two, three! [out came {f}|{f} was free|with a pop, {f} came out].|with the help of {x}, and a [big|mighty|long] pull, {f} was free [at last|again].",
            "?both of them [fell on their backs|rolled in the grass] and [laughed and laughed|could not stop laughing].",
            "\"[thank you|you saved me|how clever you are],\" said {f}. \"[any time|that is what friends are for|you would do the same for me],\" said {n}.",
            "?they [washed in {out}|walked home] and had {food} [together|before bed].",
            "after that day, {f} and {n} [were always together|went everywhere together|looked out for each other].",
        ),
        (
            "The next morning, {n} and {f} went back and [put up a sign|filled the hole|built a little fence], so that nobody else would get stuck. then they [played|rested] in the sun.",
            "some days later, {n} got stuck too! this time {f} came with {x}, and [one, two, three|with a big pull], {n} was free. now they were even.",
        ),
        (
            ("who was stuck|who needed help|who called for help", "{f} {fh} was stuck."),
            ("how did {n} help|what did {n} use|how did {f} get free", "{n} used {x} to help {f}."),
            ("who helped {f}", "{n} {h} helped {f}."),
        ),
        "[a clever idea can be stronger than strong arms|think before you give up|friends pull each other out of trouble].",
        "{f} {fh} was stuck and called for help. {n} used {ax} to pull {fo} out, and they became the best of friends.",
    ),
    Plot(
        "fear",
        (
            "there was only one thing {n} did not like: {fear}.|{n} was [very|terribly|secretly] afraid of {fear}.|everyone said that {n} was a fine {k}, but {s} was afraid of {fear}.",
            "?[whenever {s} thought of it|every evening], {n} [hid under the bed|pulled the blanket over {p} head|stayed at home]. the others [did not understand|laughed at {o}].",
            "one day, {f} {fh} [came to visit|knocked at the door] and [saw that {n} was sad.|asked, \"why do you never come along?\"] {n} told {fo} the truth.",
            "\"[I was afraid once too|everyone is afraid of something|that is nothing to be ashamed of],\" said {f}. \"[take this|hold this|here is something for you].\" and {fs} gave {n} {ax}.",
            "?\"[when you are afraid, hold it tight|look at it and count to three|it will remind you that I am near],\" {fs} said.",
            "that [night|evening|day], {n} [held {x} tight and took one small step, and then another|took {x} along and went out, step by step].|{n} held {x} [close to {p} heart|with both hands], counted to three, and [went|walked] on.",
            "[and nothing bad happened|it was not so bad at all|soon {p} knees stopped shaking]. [the world was quiet and kind|there was nothing to fear|{n} even laughed].",
            "?when {n} wanted to give {x} back, {f} [shook {fp} head|smiled]. \"it is only {ap}. the courage was yours,\" {fs} said.",
            "since then, {n} [is not afraid anymore|has never been afraid of {fear} again|knows how brave {s} is].",
        ),
        (
            "The next day, {n} met a little [mouse|rabbit|bird] who was also afraid of {fear}. {n} smiled, and [lent {x} to the little one|told the whole story]. soon there were two brave friends.",
            "after that, {n} and {f} went out together every evening. {n} still carried {x}, not because {s} needed it, but because it was a gift from a friend.",
        ),
        (
            ("what was {n} afraid of|what did {n} fear", "{n} was afraid of {fear}."),
            ("what did {f} give to {n}|what did {n} get|what helped {n}", "{f} gave {n} {ax}."),
            ("was {n} brave|how did {n} become brave", "{n} held {x} tight and took one small step after another. so yes, {s} was very brave."),
        ),
        "[courage was inside you all the time|being brave means to try although you are afraid|one small step is enough to begin].",
        "{n} was afraid of {fear}. {f} {fh} gave {o} {ax} to hold, and step by step {n} became brave.",
    ),
    Plot(
        "skill",
        (
            "{n} had a [big|secret|great] dream: {s} wanted to learn to {skill}.|more than anything, {n} wanted to {skill}.",
            "?the first time, it [went all wrong|was a disaster]. the second time was [no better|even worse]. [everyone laughed|{n} bumped {p} nose|{n} fell over {x}].",
            "but [it was not easy|it was very hard|{s} did not know how]. {n} tried [once, twice, three times|again and again], and every time it went wrong.",
            "\"I will never learn it,\" {n} [sighed|cried|said], and {s} [sat down next to {x}|kicked {x} away].|sad and tired, {n} wanted to give up.",
            "then {f} {fh} came along [with {ax}|and saw everything]. \"[I can show you|you only need to practise|do not give up],\" said {f}. \"[try it with {x}|use {x}, it will help|look how I do it with {x}].\"",
            "[every day after breakfast|day after day|all week long], the two of them practised with {x} [at {out}|near {out}]. [bit by bit|slowly], {n} got better.",
            "?on [rainy days|some days] {n} wanted to stop, but {f} always said, \"[just once more|one more time|tomorrow it will be easier].\"",
            "and then, one [fine|sunny|bright] morning, it worked! {n} could {skill}!|one day, {n} did not even think about it, and suddenly {s} could {skill}.",
            "everyone {in_the_home} [clapped|cheered], and {f} [cheered the loudest|was very proud|had tears in {fp} eyes].|{n} [threw {p} arms around {f}|jumped for joy]. \"[we did it|thank you for helping me]!\" {s} said.",
        ),
        (
            "The next day, a little [frog|mouse|duckling] asked {n}, \"can you teach me to {skill} too?\" {n} [smiled and fetched {x}|said yes at once], and the first lesson began.",
            "soon, {n} and {f} gave a show [at {out}|for everyone {in_the_home}]. {n} could {skill} so well that nobody believed how hard it had been.",
        ),
        (
            ("what did {n} want to learn|what was the dream of {n}|what did {n} learn", "{n} wanted to learn to {skill}."),
            ("who helped {n}|who was the teacher", "{f} {fh} helped {n}."),
            ("did it work|did {n} succeed", "yes, in the end {n} could {skill}."),
        ),
        "[practice makes perfect|do not give up when it is hard|everyone falls before they fly].",
        "{n} wanted to learn to {skill}, but it was hard. {f} {fh} practised with {o} and {ax} every day, and in the end it worked.",
    ),
    Plot(
        "sharing",
        (
            "one day, {n} and {f} {fh} found {ax} at {out}. \"[it is mine|I saw it first|give it to me]!\" [cried|shouted] {n}. \"no, it is mine!\" [said|cried] {f}.|one day, {n} got {ax}. {f} {fh} wanted to [play with it|use it] too, but {n} said, \"no! it is mine.\"",
            "?they [pulled|argued] and [shouted|pushed] until [both were red in the face|even the birds flew away].",
            "[then there was a crack, and {x} broke|in the end {f} went away crying|at last they both sat down with their backs to each other].",
            "now [{n} was alone with {x}|it was very quiet], and it was no fun at all. {n} [felt sorry|felt a lump in {p} throat].",
            "\"[what is a thing without a friend|{x} is not worth a friend|I was silly],\" thought {n}. so {s} went to find {f}.",
            "\"I am sorry,\" said {n}. \"[let us share it|it can belong to both of us|you may have it first].\" \"I am sorry too,\" said {f}.",
            "?they [fixed {x} with a bit of string|cleaned {x} together|put {x} between them], and it was [as good as new|better than before].",
            "from then on, {x} belonged to both of them: one day it was with {n}, and the next day with {f}.|they [took turns|played together] until [the sun went down|it was time for dinner], and it was twice as much fun.",
        ),
        (
            "The next day, a third friend wanted to join them. \"[of course|there is enough for three],\" said {n} and {f} together. now {x} belonged to three friends.",
            "some time later, {f} found something wonderful too. \"let us share it,\" {fs} said at once, and {n} laughed.",
        ),
        (
            ("why did they argue|what did they fight about|why were they angry", "they argued because both wanted {x}."),
            ("who wanted {x}|who else wanted {x}", "both {n} and {f} {fh} wanted {x}."),
            ("how did they make up|how was it solved", "{n} said sorry, and they shared {x}."),
        ),
        "[sharing makes things better|a friend is worth more than a thing|joy grows when you share it].",
        "{n} and {f} {fh} argued about {ax}. then {n} said sorry, and they shared it, which was twice as much fun.",
    ),
    Plot(
        "journey",
        (
            "one day, {n} [got a letter|heard some news]. {f} {fh}, who lived far away, [was ill|needed help|had a birthday] and [needed|wished for] {ax}.|one morning, {n} packed {ax}. {s} wanted to bring it to {f} {fh}, who lived on the other side of {out}.",
            "\"[I will bring it|I will go at once|it is a long way, but I will go],\" said {n}. {s} [put on {p} boots|packed some bread] and set off.",
            "?first {s} crossed {out}. then {s} climbed a steep hill. [{p} feet were sore|the sun was hot|{x} grew heavy], but {s} did not stop.",
            "[on the way|in the middle of the way], {n} came to a [deep river without a bridge|wide ditch|dark wood|broken bridge].|soon the path [ended|was gone], and {n} did not know where to go.",
            "an old [turtle|crow|goat|woman|ferryman] [sat there|came along]. \"[where are you going|why are you carrying that]?\" {n} told the story. \"[I will show you the way|come, I will carry you across|you have a good heart],\" was the answer.",
            "?at night {n} slept [under the stars|under a tree] with {x} in {p} arms, and in the morning {s} went on.",
            "[at last|after three days|in the evening], {n} stood at the door. {f} [could not believe {fp} eyes|opened and began to smile].",
            "\"[you came all this way for me|you brought it yourself|what a friend you are]!\" said {f}, and {fs} [took {x} carefully|put {x} on the table].",
            "they had {food} and [told stories all night|were happy to be together].",
        ),
        (
            "{n} stayed for a week. when {s} went home, {f} walked with {o} as far as {out}. \"next time I will come to you,\" said {f}.",
            "on the way back, {n} stopped to thank the one who had helped, and gave away [the last piece of bread|a small present]. the way home felt much shorter.",
        ),
        (
            ("where did {n} go|who did {n} visit|who was waiting", "{n} went to see {f} {fh}."),
            ("what did {n} carry|what did {n} bring|what did {f} need", "{n} brought {ax}."),
            ("was it a long way|was the journey easy", "no, it was a long and hard way, but {n} did not stop."),
        ),
        "[no way is too long for a friend|kindness finds a way|help comes to those who help].",
        "{n} carried {ax} a long way to {f} {fh}. the path was hard, but somebody helped, and at last {n} arrived.",
    ),
    Plot(
        "birthday",
        (
            "today was {n_s} birthday, but nobody [said a word|seemed to remember].|it was the morning of {n_s} birthday. {s} [jumped out of bed|looked out of the window], but [nobody was there|everything was quiet].",
            "{n} went to see {f} {fh}, but {f} [was busy|had no time|quickly closed the door].|even {f} {fh}, {p} best friend, only said, \"[I am busy today|come back later|I have no time].\"",
            "?[at {out}|all over {home}], it was the same. everyone [whispered|hurried away] when {n} came near.",
            "{n} [walked home slowly|sat down on a stone] and thought, \"[they have all forgotten me|nobody cares about my birthday].\"|sad and alone, {n} went home.",
            "but when {s} opened the door, [there were lights everywhere|everyone jumped up]. \"surprise!\" they all shouted. \"happy birthday, {n}!\"",
            "?there was [a huge cake|music|{food}] and [paper stars on the walls|a song for {n}].",
            "{f} [stepped forward|came up] with a [big|small|round] box. in the box was {ax}.|and {f} gave {n} a present. it was {ax}, [just what {s} had always wanted|and {fs} had made it {fself}].",
            "\"did you really think that we would forget you?\" [asked|laughed] {f}. {n} [laughed and shook {p} head|had tears of joy in {p} eyes].|it was the best birthday that {n} had ever had.",
        ),
        (
            "The next day, {n} woke up and saw {x} next to {p} bed. {s} [ran to {f} to say thank you once more|took it outside], and the two of them [played|sat in the sun] all day.",
            "a month later it was {f_s} birthday. now it was {n} who whispered, hid, and baked, and {f} who got the surprise.",
        ),
        (
            ("whose birthday was it|who had a birthday", "it was {n_s} birthday."),
            ("what was in the box|what was the present|what did {n} get", "{n} got {ax}."),
            ("why was {n} sad", "{n} thought that everyone had forgotten {p} birthday."),
        ),
        "[friends do not forget you|a surprise needs a little patience|do not be sad too early].",
        "{n} thought that everyone had forgotten {p} birthday. but {f} {fh} and the others had planned a party, and {n} got {ax}.",
    ),
    Plot(
        "mystery",
        (
            "[every night|for three days], strange things happened {in_the_home}. first {the_food} was gone, and then {x} disappeared.|one morning, {n} woke up and {x} was gone. [the door was open|there were small footprints on the floor].",
            "\"[who could it be|I will find out|this is a mystery],\" said {n}. {s} [took a notebook|put on a hat] and began to look for clues.",
            "?there were crumbs on the path, a [feather|button|red thread] on the fence, and [tiny|muddy] footprints that went to {out}.",
            "{n} followed the [tracks|footprints|trail] [past {out}|all the way], and they ended {spot}.",
            "there sat {f} {fh} with {x} in {fp} arms.|and who was there? it was {f} {fh}, and next to {fo} lay {x}.",
            "\"[please do not be angry|I am sorry],\" said {f}. \"[I was so lonely|I was hungry and alone|I only wanted to look at it, and then I was ashamed].\"",
            "?{n} was angry for a moment. but then {s} saw how [thin|sad|cold] {f} was, and the anger went away.",
            "\"[you only have to ask|next time, knock at my door|nobody should be alone],\" said {n}. \"come home with me. there is {food}.\"",
            "so the mystery was solved, and {n} had a new friend.|{f} gave {x} back, and from that day on {fs} [came to dinner every week|was never lonely again].",
        ),
        (
            "The next day, {f} brought a [pie|bunch of flowers|bag of nuts] to say sorry. {n} laughed and shared it with {fo}. from then on they solved every mystery together.",
            "a week later, a [bell|hat|ladder] was missing {in_the_home}. \"it was not me!\" said {f}, and they both laughed. then they went to look for clues together.",
        ),
        (
            ("who took {x}|who was it|who was the thief", "it was {f} {fh}."),
            ("what was missing|what disappeared|what was gone", "{x} was missing."),
            ("why did {f} take {x}", "{f} took it because {fs} was lonely."),
            ("where did {n} find {x}|where was {x}", "{x} was {spot}."),
        ),
        "[listen before you are angry|a thief may only be a lonely friend|asking is better than taking].",
        "{x} was gone, and {n} followed the footprints. {f} {fh} had taken it because {fs} was lonely, so {n} made a new friend.",
    ),
    Plot(
        "contest",
        (
            "one day, there was a [great race|big contest|race around {out}] {in_the_home}. the prize was {ax}.|the [king|mayor] called everyone to a [race|contest]. \"the winner gets {ax}!\" said the [sign|letter].",
            "{n} [wanted to win it|had always wished for such a thing], but {f} {fh} was [faster|stronger|the best of all].|\"I will win,\" said {f} {fh}, who was very [fast|sure of {fself}]. {n} [said nothing|only smiled] and practised every day.",
            "?when the day came, the sun was shining, and everyone stood along the road and [waved|cheered].",
            "ready, steady, go! {f} was [soon far ahead|the first at once], and {n} was [last|far behind].|they all ran off. {n} was [the slowest|not very fast], but {s} did not stop.",
            "but near {out}, {f} [fell and hurt {fp} foot|stumbled over a root]. the others ran past, but {n} stopped.",
            "\"[lean on me|I will help you|we will go together],\" said {n}. \"[but you will lose|you could have won],\" said {f}. \"[that does not matter|you are more important],\" said {n}.",
            "?[slowly|arm in arm], they walked to the end. they were the very last, but [everyone clapped for them|the cheers were louder than ever].",
            "then the [king|mayor|judge] stood up and said, \"[the best heart wins today|helping is better than winning].\" and {n} was given {x}.",
            "{n} [shared the prize with {f}|held {x} up high], and {f} [was the first to cheer|cheered].",
        ),
        (
            "The next day, {n} and {f} began to practise together. \"next year we will cross the line at the same time,\" said {f}, and so they did.",
            "{x} was put in the middle of {home}, so that everyone could see it. whenever somebody asked about it, {f} told the story with a smile.",
        ),
        (
            ("who won|who won the prize|who got the prize", "{n} {h} got the prize."),
            ("what was the prize|what could they win", "the prize was {ax}."),
            ("why did {n} stop|who was hurt|who fell", "{f} {fh} fell, and {n} stopped to help {fo}."),
        ),
        "[helping is better than winning|a good heart is the real prize|winning is not everything].",
        "in a race, {f} {fh} fell, and {n} stopped to help. they came in last, but {n} was given the prize, {ax}, for a good heart.",
    ),
    Plot(
        "wish",
        (
            "one day, {n} found {ax} {spot}. when {s} [touched it|cleaned it|picked it up], it began to [glow|hum|shine].|[one night|one evening], {n} saw something shine {spot}. it was {ax}, and it could talk!",
            "\"[I am a magic {xx}|thank you for finding me],\" said {x}. \"you have one wish. [think well|choose carefully].\"",
            "?{n} thought and thought. should {s} wish for gold, for [a castle|a mountain of cake], or for [wings|a crown]?",
            "then {s} [remembered|thought of] {f} {fh}, who [had been ill for weeks|had lost {fp} home in the flood|was always alone].|just then {f} {fh} came by. {fs} was [pale and tired|very sad], because {fs} had [been ill for a long time|lost {fp} home].",
            "\"I wish that {f} is happy and well,\" said {n}. {x} [shone brighter than the sun|began to sing], and then it was [dark|quiet].",
            "[at that moment|the next morning], {f} [began to laugh|came running over the grass]. \"[I feel wonderful|look, everything is good again]!\" {fs} [cried|called].",
            "?\"what did you wish for?\" asked {f}. {n} only smiled and [said nothing|looked at {x}].",
            "{x} never [shone|spoke] again, but {n} kept it forever, and {s} was [richer|happier] than any king.|and although the magic was gone, {n} knew that {s} had made the best wish of all.",
        ),
        (
            "The next evening, {x} glowed once more, very softly. \"[a good wish never ends|you chose well],\" it whispered. then {n} and {f} looked at the stars together.",
            "{f} never knew about the wish. but every year on that day, {fs} brought {n} [flowers|{food}], without knowing why.",
        ),
        (
            ("what did {n} wish for|what was the wish", "{n} wished that {f} would be happy and well."),
            ("what was magic|what could talk|what did {n} find", "it was {ax}."),
            ("what happened to {x}|what happened to the magic", "the magic was gone, but {n} kept {x} forever."),
        ),
        "[the best wish is for somebody else|a kind heart is the greatest magic|think of others, and you will be happy].",
        "{n} found a magic {xx} and had one wish. {s} wished that {f} {fh} would be happy and well, and so it was.",
    ),
    Plot(
        "honesty",
        (
            "one day, {n} was playing with {f_s} {lxx}, although {s} was not allowed to.|{f} {fh} had {alx}. one day, when nobody was looking, {n} took it [to play|in {p} hands].",
            "suddenly it [slipped|fell down], and [crack|crash|oh no], {x} was broken!|[bump|crash]! it fell on the floor and broke.",
            "{n} [was frightened|did not know what to do], so {s} hid {x} {spot}.",
            "?when {f} asked, \"have you seen my {xx}?\", {n} [looked at the floor|turned red] and said, \"no.\"",
            "that night, {n} could not [sleep|eat]. [{p} tummy hurt|the lie was as heavy as a stone].|but the lie felt [heavy|cold] in {p} heart, and {n} could not sleep.",
            "in the morning, {s} [went to {f}|took {x} and knocked at {f_s} door]. \"I broke it,\" {s} said. \"and then I lied. I am very sorry.\"",
            "{f} was [quiet for a while|sad at first]. then {fs} said, \"[thank you for telling me the truth|that was brave of you|things can be fixed, but a lie makes a hole between friends].\"",
            "?they got some glue and [worked all afternoon|put all the pieces together]. you could still see a [thin line|little crack], but [nobody cared|they liked it even more].",
            "and that night, {n} slept very well.|from then on, {n} always told the truth, even when it was hard.",
        ),
        (
            "The next day, {f} let {n} [hold {x} again|use {x}]. \"I trust you,\" {fs} said. {n} was very careful, and [nothing happened|all went well].",
            "some time later, {f} broke [a cup|a plate] in {n_s} house. {fs} told {n} at once, and they both laughed and got the glue.",
        ),
        (
            ("what broke|what did {n} break", "{n} broke {f_s} {xx}."),
            ("why could {n} not sleep|why did {n} feel bad", "{n} had told a lie, and it felt heavy."),
            ("was {f} angry|what did {f} say", "{f} was sad at first, but {fs} thanked {n} for telling the truth."),
        ),
        "[the truth makes the heart light|it is brave to tell the truth|a lie is heavy, and the truth is light].",
        "{n} broke {f_s} {lxx} and hid it. {s} felt so bad that {s} told the truth, and {f} {fh} forgave {o}.",
    ),
    Plot(
        "newcomer",
        (
            "one day, somebody new came to {home}. it was {f} {fh}, who [had come from far away|did not know anybody|carried only a small bag].|one morning, {f} {fh} moved into the empty house [next door|near {out}].",
            "[nobody spoke to {fo}|the others only looked from far away|everyone was too shy to say hello]. {f} sat alone {spot}.",
            "?\"{fs} looks [strange|different],\" [whispered the others|the others said]. \"[{fs} looks lonely|I think that {fs} is sad],\" said {n}.",
            "{n} [remembered how it feels to be alone|wanted to do something]. so {s} took {p} {lxx} and went over.|{n} thought about it all night. in the morning {s} took {ax} and knocked at the door.",
            "\"[hello|good morning], I am {n},\" {s} said. \"[would you like to see my {xx}?|I brought you something.|do you want to play?]\"",
            "{f_s} eyes [began to shine|grew big]. \"[I have never seen such a fine {xx}!|is that for me?|yes, please!]\" {fs} said.",
            "?they [played|talked] until [it was dark|the bell rang], and {n} learned that {f} could [whistle like a bird|tell the funniest jokes|bake the best cookies].",
            "the next day, the others [came closer|asked if they could join]. soon everyone [played together|sat in a big circle], with {x} in the middle.",
            "{f} was not a stranger anymore.|\"now I am at home,\" said {f}, and {n} [smiled|was happy].",
        ),
        (
            "After a year, another newcomer came. this time it was {f} who took {ax} and went over to say hello. {n} watched and smiled.",
            "The next day, {f} invited everyone to {fp} house. there was {food}, and {n} got the best chair.",
        ),
        (
            ("who was new|who came to {home}|who was the newcomer", "{f} {fh} was new."),
            ("who was kind to {f}|who said hello", "{n} {h} was kind to {f}."),
            ("what did {n} bring|what did {n} take along", "{n} brought {ax}."),
        ),
        "[say hello to the one who is alone|every friend was a stranger once|a small hello can change everything].",
        "{f} {fh} was new {in_the_home} and very lonely. {n} came with {ax} to say hello, and soon they were friends.",
    ),
    Plot(
        "garden",
        (
            "in [spring|the spring], {n} planted a [tiny|small] seed. next to it {s} put {ax}, [to mark the place|so that {s} would find it again].",
            "every morning {s} gave it water and asked, \"are you there?\" but nothing [happened|grew].|{n} watered it [every day|morning and evening] and waited. nothing happened.",
            "?a week went by, then two, then three. {n} [sang to the seed|read stories to the seed|built a little fence].",
            "\"there is [nothing there|only dirt],\" said {f} {fh}. \"[give it up|you are wasting your time|come and play].\"",
            "but {n} [shook {p} head|smiled]. \"[good things take time|I can wait|it is only asleep],\" {s} said.",
            "one [warm|sunny] morning, there was something green next to {x}! a [tiny leaf|little plant] had come up.",
            "?{n} ran to {f_s} house so fast that {s} lost a shoe. \"come and see!\" {s} called.",
            "the plant grew and grew, until it was [as high as the house|the tallest {in_the_home}|full of flowers].|by the summer it was full of [red apples|sweet berries|golden flowers].",
            "{f} said, \"you were right, and I was wrong.\" and {n} gave {fo} [the first fruit|the first flower|a new seed].",
        ),
        (
            "The next spring, {n} and {f} planted two seeds, side by side. this time {f} was the one who said, \"good things take time.\"",
            "in autumn, the two friends gathered everything in a basket and made {food} for all of {home}. {x} stayed in the garden to mark the place.",
        ),
        (
            ("what did {n} plant|what did {n} do", "{n} planted a seed and waited."),
            ("who did not believe in the seed|what did {f} say", "{f} {fh} said that there was nothing there, but {fs} was wrong."),
            ("what was next to the seed|how did {n} mark the place", "{n} put {ax} next to the seed."),
        ),
        "[good things take time|be patient, and good things will grow|who waits with love will see the flower].",
        "{n} planted a seed next to {ax} and waited for weeks. {f} {fh} laughed, but in the end a beautiful plant grew.",
    ),
    Plot(
        "wayhome",
        (
            "one day, {n} [followed a butterfly|chased a leaf|looked for berries] and went farther and farther, [past {out}|until the path was gone]. {s} had only {ax} with {o}.",
            "when {s} looked up, everything was [strange|different]. \"[where am I?|oh no, I am lost!]\" said {n}.",
            "?{s} went left, and then {s} went right, but [every tree looked the same|nothing looked like home]. the sun was going down.",
            "{n} [sat down {spot} and cried a little|held {x} and tried not to cry].",
            "\"who is there?\" asked a [soft|deep|kind] voice. it was {f} {fh}. \"[are you lost|why are you crying]?\"|then {f} {fh} came along [with a basket|on the way home]. \"[are you lost|can I help you]?\" {fs} asked.",
            "\"[I want to go home|I cannot find the way home],\" said {n}. \"I live {in_home}.\" \"[I know the way|that is not far|come with me],\" said {f}.",
            "?they walked under the stars, and {f} [told a funny story|sang a song], so that the way seemed short.",
            "[at last|soon] {n} saw the lights of {p} home. everyone had been [looking for {o}|so worried], and now they [cheered|ran to meet {o}].",
            "to say thank you, {n} gave {x} to {f}. \"[now you will always think of me|you showed me the way],\" {s} said.|{n} gave {f} {p} {xx} to say thank you, and they promised to meet again.",
        ),
        (
            "The next day, {n} drew a map of the way to {f_s} house, with {out} in the middle. {s} never got lost again, and the two met every Sunday.",
            "a week later, {f} came to visit and brought {x}. \"I want to play with you, not only with {x},\" said {f}, and {n} was very happy.",
        ),
        (
            ("who was lost|who got lost", "{n} {h} was lost."),
            ("who showed the way|who helped {n}", "{f} {fh} showed {n} the way home."),
            ("what did {n} give to {f}|what did {f} get", "{n} gave {f} {p} {xx}."),
        ),
        "[ask for help when you are lost|there is always somebody who knows the way|home is never too far].",
        "{n} went too far from home and got lost. {f} {fh} showed {o} the way back, and {n} gave {fo} {ax} to say thank you.",
    ),
)
