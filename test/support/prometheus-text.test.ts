import { expect, test } from "vitest";
import { parsePrometheusText, valueOf } from "./prometheus-text.ts";

test("reads labels with escapes and every kind of number", () => {
  const families = parsePrometheusText(
    '# HELP a line\\nnext\n# TYPE a gauge\na{x="q\\"\\\\\\n",y=""} -1.5e-3\na +Inf\n\n# HELP b c\n# TYPE b gauge\nb NaN\n',
  );
  expect(families.get("a")).toEqual({
    name: "a",
    type: "gauge",
    help: "line\nnext",
    samples: [
      { name: "a", labels: { x: 'q"\\\n', y: "" }, value: -0.0015 },
      { name: "a", labels: {}, value: Number.POSITIVE_INFINITY },
    ],
  });
  expect(valueOf(families, "b")).toBeNaN();
});

test.each([
  ["no last line feed", "# HELP a b\n# TYPE a gauge\na 1"],
  ["a type without help", "# TYPE a gauge\na 1\n"],
  ["a sample outside its family", "# HELP a b\n# TYPE a gauge\nb 1\n"],
  ["a series twice", '# HELP a b\n# TYPE a gauge\na{x="1"} 1\na{x="1"} 2\n'],
  ["a label twice", '# HELP a b\n# TYPE a gauge\na{x="1",x="2"} 1\n'],
  ["a bare quote", '# HELP a b\n# TYPE a gauge\na{x="""} 1\n'],
  ["an unknown escape", '# HELP a b\n# TYPE a gauge\na{x="\\t"} 1\n'],
  ["a misspelt NaN", "# HELP a b\n# TYPE a gauge\na Nan\n"],
  ["a falling counter", "# HELP a b\n# TYPE a counter\na -1\n"],
  [
    "a bucket that falls",
    '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
  ],
  ["no infinite bucket", '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n'],
])("refuses %s", (_what, text) => {
  expect(() => parsePrometheusText(text)).toThrow(SyntaxError);
});
