import { applyArithmetic, negate } from "../operations/arithmetic.ts";
import type { CallArguments } from "../values/call-arguments.ts";
import { noArguments } from "../values/call-arguments.ts";
import { Dict } from "../values/dict.ts";
import { iterate } from "../values/iterate.ts";
import type { ArgumentNodes, CallNode, ComparisonOperator, Expression, FilterNode } from "../syntax/nodes.ts";
import type { Runtime } from "./runtime.ts";
import type { Scope } from "./scope.ts";
import { sliceOf } from "../operations/slice.ts";
import { TemplateError } from "../values/template-error.ts";
import { isTrue } from "../values/truth.ts";
import { isObject, toNumber, Tuple, typeName, Undefined, valueOr, type Value } from "../values/values.ts";

/** Evaluates expressions in one scope. */
export class Evaluator {
  readonly #runtime: Runtime;
  readonly #scope: Scope;

  constructor(runtime: Runtime, scope: Scope) {
    this.#runtime = runtime;
    this.#scope = scope;
  }

  /** @throws TemplateError */
  evaluate(node: Expression): Value {
    const { budget } = this.#runtime;
    budget.enter();
    const value = this.#evaluate(node);
    budget.leave();
    return value;
  }

  isTrue(node: Expression): boolean {
    return isTrue(this.evaluate(node));
  }

  /** Evaluates a call, with additional keyword arguments. */
  call({ callee, args, line }: CallNode, more: readonly (readonly [string, Value])[] = []): Value {
    const value = this.evaluate(callee);
    const given = this.#arguments(args);
    this.#runtime.line = line;
    if (value instanceof Undefined) throw value.error();
    if (!isObject(value) || value.call === undefined) {
      throw new TemplateError(`'${typeName(value)}' object is not callable`);
    }
    const named = more.length === 0 ? given.named : new Map([...given.named, ...more]);
    return value.call({ positional: given.positional, named });
  }

  /** Applies a filter to its operand, or to the output of a block. */
  filter({ operand, name, args, line }: FilterNode, written?: string): Value {
    const inner =
      operand?.kind === "filter" ? this.filter(operand, written) : operand && this.evaluate(operand);
    const value = valueOr(inner, written ?? "");
    const given = this.#arguments(args);
    this.#runtime.line = line;
    return this.#runtime.filter(name, value, given);
  }

  #evaluate(node: Expression): Value {
    switch (node.kind) {
      case "constant":
        return node.value;
      case "name":
        return this.#variable(node.name);
      case "attribute":
        return this.#runtime.attribute(this.evaluate(node.object), node.name);
      case "item":
        return this.#runtime.item(this.evaluate(node.object), this.evaluate(node.key));
      case "slice":
        return this.#slice(node.object, node.bounds);
      case "call":
        return this.call(node);
      case "filter":
        return this.filter(node);
      case "test": {
        const value = this.evaluate(node.operand);
        const args = this.#arguments(node.args);
        this.#runtime.line = node.line;
        return this.#runtime.test(node.name, value, args);
      }
      case "and":
      case "or":
      case "not":
      case "conditional":
      case "compare":
      case "concat":
      case "arithmetic":
      case "negative":
      case "positive":
      case "list":
      case "tuple":
      case "dict":
        return this.#combine(node);
    }
  }

  #combine(
    node: Exclude<
      Expression,
      { readonly kind: "constant" | "name" | "attribute" | "item" | "slice" | "call" | "filter" | "test" }
    >,
  ): Value {
    switch (node.kind) {
      case "not":
        return !this.isTrue(node.operand);
      case "and": {
        const left = this.evaluate(node.left);
        return isTrue(left) ? this.evaluate(node.right) : left;
      }
      case "or": {
        const left = this.evaluate(node.left);
        return isTrue(left) ? left : this.evaluate(node.right);
      }
      case "conditional":
        if (this.isTrue(node.test)) return this.evaluate(node.chosen);
        return node.otherwise === undefined
          ? new Undefined("the inline if-expression evaluated to false and no else section was defined.")
          : this.evaluate(node.otherwise);
      case "compare":
        return this.#compare(node.first, node.rest);
      case "concat":
        return this.#concat(node.parts);
      case "arithmetic":
        return applyArithmetic(
          node.operator,
          [this.evaluate(node.left), this.evaluate(node.right)],
          this.#runtime.budget,
        );
      case "negative":
        return negate(this.evaluate(node.operand));
      case "positive":
        return this.#positive(this.evaluate(node.operand));
      case "list":
        return this.#items(node.items);
      case "tuple":
        return new Tuple(this.#items(node.items));
      case "dict":
        return new Dict(node.entries.map(([key, value]) => [this.evaluate(key), this.evaluate(value)]));
    }
  }

  #variable(name: string): Value {
    const value = this.#scope.get(name);
    return value === undefined ? new Undefined(`'${name}' is undefined`) : value;
  }

  #items(nodes: readonly Expression[]): Value[] {
    return nodes.map((node) => this.evaluate(node));
  }

  #positive(value: Value): Value {
    if (value instanceof Undefined) throw value.error();
    const number = toNumber(value);
    if (number === undefined) throw new TemplateError(`bad operand type for unary +: '${typeName(value)}'`);
    return number;
  }

  /** `a < b < c` means `a < b and b < c`. */
  #compare(first: Expression, rest: readonly (readonly [ComparisonOperator, Expression])[]): boolean {
    let left = this.evaluate(first);
    for (const [operator, node] of rest) {
      const right = this.evaluate(node);
      if (!this.#holds(operator, left, right)) return false;
      left = right;
    }
    return true;
  }

  #holds(operator: ComparisonOperator, left: Value, right: Value): boolean {
    const { comparer } = this.#runtime;
    switch (operator) {
      case "==":
        return comparer.equals(left, right);
      case "!=":
        return !comparer.equals(left, right);
      case "<":
        return comparer.compare(left, right) < 0;
      case "<=":
        return comparer.compare(left, right) <= 0;
      case ">":
        return comparer.compare(left, right) > 0;
      case ">=":
        return comparer.compare(left, right) >= 0;
      case "in":
        return comparer.contains(right, left);
      case "not in":
        return !comparer.contains(right, left);
    }
  }

  #concat(nodes: readonly Expression[]): string {
    const texts = nodes.map((node) => this.#runtime.text(this.evaluate(node)));
    return this.#runtime.budget.text(texts.join(""));
  }

  #slice(object: Expression, bounds: readonly (Expression | undefined)[]): Value {
    const holder = this.evaluate(object);
    const values = bounds.map((bound) => bound && this.evaluate(bound));
    return sliceOf(holder, values, this.#runtime.budget);
  }

  #arguments(nodes: ArgumentNodes): CallArguments {
    const { positional, named, list, mapping } = nodes;
    if (positional.length === 0 && named.length === 0 && list === undefined && mapping === undefined) {
      return noArguments;
    }
    const values = this.#items(positional);
    const names = new Map(named.map(([name, node]) => [name, this.evaluate(node)]));
    if (list !== undefined) {
      for (const value of iterate(this.evaluate(list))) {
        this.#runtime.budget.step();
        values.push(value);
      }
    }
    if (mapping !== undefined) {
      const given = this.evaluate(mapping);
      if (!(given instanceof Dict)) {
        throw new TemplateError(`argument after ** must be a mapping, not ${typeName(given)}`);
      }
      for (const [name, value] of given.entries()) {
        if (typeof name !== "string") throw new TemplateError("keywords must be strings");
        if (names.has(name)) throw new TemplateError(`got multiple values for keyword argument '${name}'`);
        this.#runtime.budget.step();
        names.set(name, value);
      }
    }
    return { positional: values, named: names };
  }
}
