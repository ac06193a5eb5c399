import { FilterArguments } from "./filter-arguments.ts";
import { jinja, toJinjaFunction, toJinjaMapping, toJinjaValue, toJinjaValueDeep } from "./jinja-library.ts";
import type { JinjaEnvironment, JinjaNode, JinjaValue } from "./jinja-library.ts";
import { testOfFilter } from "./parse-template.ts";
import { applyOperator } from "./python-operators.ts";
import { entriesOf, isTrue, pythonEquals, pythonText } from "./python-values.ts";
import { applyNamedFilter, iterated } from "./template-filters.ts";
import { itemAt, methodOf } from "./template-members.ts";
import { passesTest } from "./template-tests.ts";

/** A message takes dozens of steps; a template that loops without end is stopped. */
const MAX_STEPS = 1_000_000;
/** What one round of a loop costs beside its body. */
const ROUND_STEPS = 8;
/** Characters or items of a value that cost a step more, for whatever is then done with them. */
const SIZE_OF_STEP = 256;
const MAX_RANGE_ITEMS = 1_000_000;
const MAX_TEXT_LENGTH = 2 ** 24;
const MAX_LIST_LENGTH = 2 ** 20;

/** Statements that print nothing; a null value of any other is printed. */
const SILENT: ReadonlySet<string> = new Set(["Set", "Macro", "Comment"]);

/** A node that stands for a value: what an operand has become. */
const KNOWN = "KnownValue";

/** `break` or `continue` on its way to the loop, with what was printed on the way. */
class LoopControl extends Error {
  readonly ends: boolean;
  printed = "";

  constructor(ends: boolean) {
    super(`${ends ? "break" : "continue"} outside a loop`);
    this.ends = ends;
  }
}

/**
 * The library's interpreter within limits, and with Python's meaning where the library has another: what
 * values print as and how they compare, filters, tests and methods, and loops (each round has a scope of
 * its own; `break` and `continue` keep what the round has printed).
 */
class TemplateInterpreter extends jinja.Interpreter {
  #steps = 0;
  #loopDepth = 0;

  override evaluate(node: unknown, environment: JinjaEnvironment): JinjaValue {
    this.#countSteps(1);
    const result = this.#evaluate(node as JinjaNode | undefined, environment);
    const { value } = result;
    if (typeof value === "string") {
      this.#countSteps(Math.floor(value.length / SIZE_OF_STEP));
      if (value.length > MAX_TEXT_LENGTH) {
        throw new Error(`the template made a text of more than ${MAX_TEXT_LENGTH} characters`);
      }
    } else if (Array.isArray(value)) {
      this.#countSteps(Math.floor(value.length / SIZE_OF_STEP));
      if (value.length > MAX_LIST_LENGTH) {
        throw new Error(`the template made a list of more than ${MAX_LIST_LENGTH} items`);
      }
    }
    return result;
  }

  override evaluateBlock(nodes: readonly JinjaNode[], environment: JinjaEnvironment): JinjaValue {
    let text = "";
    for (const node of nodes) {
      try {
        const value = this.evaluate(node, environment);
        text += SILENT.has(node.type) ? "" : pythonText(value);
      } catch (error) {
        if (error instanceof LoopControl) {
          error.printed = text + error.printed;
        }
        throw error;
      }
    }
    return toJinjaValue(text);
  }

  override applyFilter(operand: JinjaValue, filter: JinjaNode, environment: JinjaEnvironment): JinjaValue {
    const isCall = filter.type === "CallExpression";
    const name = String(((isCall ? filter["callee"] : filter) as JinjaNode)["value"]);
    const args = isCall ? this.#arguments(filter["args"], environment) : new FilterArguments();
    const test = testOfFilter(name);
    return test === undefined
      ? applyNamedFilter(name, operand, args)
      : toJinjaValue(passesTest(test.test, operand, args.positional[0]) !== test.isNegated);
  }

  #arguments(nodes: unknown, environment: JinjaEnvironment): FilterArguments {
    return new FilterArguments(...this.evaluateArguments(nodes as readonly JinjaNode[], environment));
  }

  #countSteps(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS) {
      throw new Error(`the template took more than ${MAX_STEPS} steps`);
    }
  }

  #evaluate(node: JinjaNode | undefined, environment: JinjaEnvironment): JinjaValue {
    if (node === undefined) {
      return super.evaluate(node, environment);
    }
    switch (node.type) {
      case KNOWN:
        return node["value"] as JinjaValue;
      case "For":
        return toJinjaValue(this.#runLoop(node, environment));
      case "Break":
        throw new LoopControl(true);
      case "Continue":
        throw new LoopControl(false);
      case "BinaryExpression":
        return this.#evaluateBinary(node, environment);
      case "TestExpression": {
        const test = String((node["test"] as JinjaNode)["value"]);
        const operand = this.evaluate(node["operand"], environment);
        return toJinjaValue(passesTest(test, operand) !== (node["negate"] === true));
      }
      case "MemberExpression":
        return this.#evaluateMember(node, environment);
      case "CallExpression":
        return this.#evaluateCall(node, environment);
      default:
        return super.evaluate(node, environment);
    }
  }

  #evaluateBinary(node: JinjaNode, environment: JinjaEnvironment): JinjaValue {
    const operator = (node["operator"] as { readonly value: string }).value;
    if (operator === "and" || operator === "or") {
      return super.evaluate(node, environment);
    }
    const left = this.evaluate(node["left"], environment);
    const right = this.evaluate(node["right"], environment);
    return (
      applyOperator(operator, left, right) ??
      super.evaluate({ ...node, left: known(left), right: known(right) }, environment)
    );
  }

  #evaluateMember(node: JinjaNode, environment: JinjaEnvironment): JinjaValue {
    const property = node["property"] as JinjaNode;
    const object = this.evaluate(node["object"], environment);
    if (property.type === "SliceExpression") {
      return super.evaluate({ ...node, object: known(object) }, environment);
    }
    const isName = node["computed"] !== true && property.type === "Identifier";
    return itemAt(object, isName ? toJinjaValue(property["value"]) : this.evaluate(property, environment));
  }

  /** Methods of texts, lists and mappings; as in Jinja, they hide entries of their names. */
  #evaluateCall(node: JinjaNode, environment: JinjaEnvironment): JinjaValue {
    const callee = node["callee"] as JinjaNode;
    if (callee.type !== "MemberExpression" || callee["computed"] === true) {
      return super.evaluate(node, environment);
    }
    const holder = this.evaluate(callee["object"], environment);
    const name = String((callee["property"] as JinjaNode)["value"]);
    const method = methodOf(holder, name);
    return method === undefined
      ? super.evaluate({ ...node, callee: known(itemAt(holder, toJinjaValue(name))) }, environment)
      : method(holder, this.#arguments(node["args"], environment));
  }

  #runLoop(node: JinjaNode, environment: JinjaEnvironment): string {
    const items = this.#loopItems(node, environment);
    let text = "";
    let hasFullRound = false;
    const changed = createChangeTest();
    for (const [index, item] of items.entries()) {
      this.#countSteps(ROUND_STEPS);
      const scope = new jinja.Environment(environment);
      bindLoopVariable(node["loopvar"] as JinjaNode, item, scope);
      scope.setVariable("loop", loopFacts(items, { index, depth: this.#loopDepth, changed }));
      this.#loopDepth += 1;
      try {
        text += pythonText(this.evaluateBlock(node["body"] as JinjaNode[], scope));
        hasFullRound = true;
      } catch (error) {
        if (!(error instanceof LoopControl)) {
          throw error;
        }
        text += error.printed;
        if (error.ends) {
          break;
        }
      } finally {
        this.#loopDepth -= 1;
      }
    }
    // As Jinja does: `else` also runs after rounds of which none came to its end.
    return hasFullRound
      ? text
      : text + pythonText(this.evaluateBlock(node["defaultBlock"] as JinjaNode[], environment));
  }

  #loopItems(node: JinjaNode, environment: JinjaEnvironment): readonly JinjaValue[] {
    const source = node["iterable"] as JinjaNode;
    if (source.type !== "SelectExpression") {
      return iterated(this.evaluate(source, environment));
    }
    const items = iterated(this.evaluate(source["lhs"], environment));
    return items.filter((item) => {
      const scope = new jinja.Environment(environment);
      bindLoopVariable(node["loopvar"] as JinjaNode, item, scope);
      return isTrue(this.evaluate(source["test"], scope));
    });
  }
}

/** Runs a parsed template. Variables shadow globals. */
export function runTemplate(
  program: JinjaNode,
  globals: Readonly<Record<string, unknown>>,
  variables: Readonly<Record<string, unknown>>,
): string {
  const outer = new jinja.Environment();
  for (const [name, value] of Object.entries({ range: createRange(), ...globals })) {
    outer.set(name, value);
  }
  outer.setVariable("dict", toJinjaFunction(createMapping));
  const inner = new jinja.Environment(outer);
  for (const [name, value] of Object.entries(variables)) {
    inner.setVariable(name, toJinjaValueDeep(value));
  }
  return String(new TemplateInterpreter(inner).run(program).value);
}

function known(value: JinjaValue): JinjaNode {
  return { type: KNOWN, value };
}

/** Python's `dict(name=value)`. */
function createMapping(values: readonly JinjaValue[]): JinjaValue {
  return toJinjaMapping(values.flatMap((value) => [...entriesOf(value)]));
}

/** Python's `range`, with a limit over all calls of one run. */
function createRange(): (...bounds: unknown[]) => number[] {
  let itemCount = 0;
  return (...bounds) => {
    const [first = 0, second, step = 1] = bounds.map(Number);
    const [start, end] = second === undefined ? [0, first] : [first, second];
    const count = Math.max(0, Math.ceil((end - start) / step));
    itemCount += count;
    if (!(itemCount <= MAX_RANGE_ITEMS)) {
      throw new Error(`the template made ranges of more than ${MAX_RANGE_ITEMS} items`);
    }
    return Array.from({ length: count }, (_, index) => start + index * step);
  };
}

function bindLoopVariable(target: JinjaNode, item: JinjaValue, scope: JinjaEnvironment): void {
  if (target.type === "Identifier") {
    scope.setVariable(String(target["value"]), item);
    return;
  }
  const targets = target["value"];
  const items = iterated(item);
  if (!Array.isArray(targets) || targets.length !== items.length) {
    throw new Error(
      `wanted ${Array.isArray(targets) ? targets.length : 0} values to unpack, found ${items.length}`,
    );
  }
  for (const [index, inner] of items.entries()) {
    bindLoopVariable(targets[index] as JinjaNode, inner, scope);
  }
}

interface LoopPlace {
  readonly index: number;
  /** How many loops this one is in. */
  readonly depth: number;
  readonly changed: JinjaValue;
}

function loopFacts(items: readonly JinjaValue[], { index, depth, changed }: LoopPlace): JinjaValue {
  const { length } = items;
  return toJinjaMapping([
    ["index", toJinjaValue(index + 1)],
    ["index0", toJinjaValue(index)],
    ["revindex", toJinjaValue(length - index)],
    ["revindex0", toJinjaValue(length - index - 1)],
    ["first", toJinjaValue(index === 0)],
    ["last", toJinjaValue(index === length - 1)],
    ["length", toJinjaValue(length)],
    ["depth", toJinjaValue(depth + 1)],
    ["depth0", toJinjaValue(depth)],
    ["previtem", items[index - 1] ?? toJinjaValue(undefined)],
    ["nextitem", items[index + 1] ?? toJinjaValue(undefined)],
    ["cycle", toJinjaFunction((values) => values[index % values.length] ?? toJinjaValue(undefined))],
    ["changed", changed],
  ]);
}

/** `loop.changed(…)`: whether the values are other ones than in the last round that asked. */
function createChangeTest(): JinjaValue {
  let last: readonly JinjaValue[] | undefined;
  return toJinjaFunction((values) => {
    const isSame =
      last?.length === values.length &&
      values.every((value, at) => pythonEquals(value, last?.[at] ?? toJinjaValue(undefined)));
    last = values;
    return toJinjaValue(!isSame);
  });
}
