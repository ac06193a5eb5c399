/**
 * A text of many kinds, for `KvRangeSource.tokenIds`: prose, questions, code, data, numbers, instructions, letters, and
 * other languages. Whoever keeps ranges that were measured with it measures again when it changes.
 */
export const calibrationText: string = String.raw`The harbour was quiet when the ferry came in. A woman in a grey coat stepped off first, looked at the clock above the ticket office, and walked towards the market without turning round. "You are late," said the man who waited there. "The train left at 7:45, and the next one goes at noon."

Question: How many litres of water does a tank of 2.5 m by 1.2 m by 0.8 m hold?
Answer: The volume is 2.5 × 1.2 × 0.8 = 2.4 cubic metres. One cubic metre is 1,000 litres, so the tank holds 2,400 litres.

~~~python
def read_scores(path: str) -> dict[str, float]:
    scores = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, value = line.rstrip("\n").split(",")
            scores[name] = float(value)  # the last one wins
    return scores

if __name__ == "__main__":
    print(max(read_scores("scores.csv").values()))
~~~

SELECT city, COUNT(*) AS visits FROM trips WHERE year >= 2019 GROUP BY city ORDER BY visits DESC LIMIT 10;

{"id": 4711, "name": "Ada", "tags": ["new", "paid"], "address": {"street": "12 Mill Road", "zip": null}, "active": true}

# How to plant a tree
1. Dig a hole twice as wide as the roots.
2. Set the tree straight, and fill the hole with soil.
3. Water it well; do this every week of the first summer.

The committee approved the budget in March 2021 (see https://example.org/minutes?id=88#item-3). According to the report, prices rose by 3.7% in the first quarter, while exports fell from $12.4 billion to $11.9 billion. Economists had expected a smaller change.

In biology, a cell is the smallest unit of life. Plant cells have a wall of cellulose; animal cells do not. Energy is stored in molecules of ATP, which mitochondria produce from glucose and oxygen: C6H12O6 + 6 O2 → 6 CO2 + 6 H2O.

Dear Mr. Okafor, thank you for your letter of 14 May. I'm sorry that the lamp arrived broken! We'll send a new one today; please don't return the old one. Kind regards, J. Lindqvist

Le soleil se couche derrière les collines, et les enfants rentrent à la maison. Der Zug nach München fährt heute von Gleis neun ab. ¿Dónde está la biblioteca más cercana? Вчера весь день шёл дождь, а сегодня светит солнце. 今天天气很好，我们去公园散步吧。明日は友達と映画を見に行きます。 오늘은 회의가 세 번 있습니다. هذا الكتاب مفيد جدا.

Once upon a time there was a little fox who was afraid of the dark. Every night she asked the moon to stay a little longer, and every night the moon smiled and said: "I am always here, even when you cannot see me."
`;
