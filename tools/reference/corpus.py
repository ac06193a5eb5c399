"""A little text in several languages to train the small tokenizers on."""

TEXT = """
The lighthouse keeper climbed the stairs every evening, one hundred and twelve steps, and lit the lamp before the sun was down. She knew each step by its sound.
When the fog came in, the ships answered with their horns, and she counted them: one, two, three. It wasn't loneliness that kept her there; it was the light.
"Don't you ever want to leave?" asked the boy who brought the bread. "I'll leave when they've built a better lamp," she said, and they both laughed.
In 1984 the tower was 37 metres high, and the lamp turned 6 times a minute. The new lamp of 2021 costs 1,250.75 a year, and it turns by itself.
The quick brown fox jumps over the lazy dog. We're sure that they'd rather sleep, but he's running, I'm watching, and you'll see: it's fast!
Reading and writing, thinking and working, walking and talking: the things that we are doing are the things that we become.
def add(left, right):
    return left + right

for (let index = 0; index < items.length; index += 1) {
  if (items[index] !== undefined) {
    console.log(`item ${index}: ${items[index]}`);
  }
}
SELECT name, price FROM goods WHERE price > 10.5 ORDER BY name;
{"name": "lantern", "size": [1, 2, 3], "open": true, "owner": null}
Die Sonne geht über den Hügeln auf, und die Vögel singen schöne Lieder. Größe, Straße, Übermut: nichts davon zählt.
Le garçon mange une pêche près de la fenêtre où l'été s'achève déjà. Ça va très bien, naïve Noëlle.
El niño pequeño corrió por la montaña mañana y tarde. ¿Dónde está el camino? ¡Aquí está!
Утром на реке было тихо, и рыбак смотрел на воду. Потом пришёл ветер.
天気がいいから、散歩しましょう。東京の夜は明るい。我们今天去看山和水。你好，世界。
오늘은 날씨가 좋습니다. 안녕하세요, 세계.
في الصباح كان البحر هادئا. שלום עולם, הים שקט.
नमस्ते दुनिया, आज मौसम अच्छा है।
Smile 🙂 and wave 👋, the party 🎉 starts at 7:30. Costs: €5, £6, ¥700. Maths: ∑ x² ≤ ∞, a → b.
\tTabs\tand    spaces,   trailing   spaces   
and new lines.


A paragraph later, http://example.org/path?query=value&more=1#part and mail@example.org end the text...
"""


def lines() -> list[str]:
    return TEXT.strip("\n").split("\n") + TEXT.split("\n\n")
