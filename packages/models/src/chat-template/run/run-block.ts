import type { CallArguments } from "../values/call-arguments.ts";
import { bindTarget } from "./bind-target.ts";
import { Evaluator } from "./evaluate.ts";
import { iterate } from "../values/iterate.ts";
import { LoopContext } from "./loop-context.ts";
import { createMacroBinder, type MacroDefinition } from "./macro.ts";
import type { Block, ForNode, Statement } from "../syntax/nodes.ts";
import { Output } from "./output.ts";
import type { Runtime } from "./runtime.ts";
import { Scope } from "./scope.ts";
import { TemplateError } from "../values/template-error.ts";
import { isTrue } from "../values/truth.ts";
import { Iteration, Undefined, type PythonObject, type Value } from "../values/values.ts";

/** What one round of a loop costs beside its body. */
const roundSteps = 4;

/** How a block ended: at its end, or for the loop around it. */
type Ending = "end" | "break" | "continue";

/** Where statements run. */
interface Place {
  readonly scope: Scope;
  readonly output: Output;
  /** Computes in the scope. */
  readonly evaluator: Evaluator;
}

/** Runs the statements of one rendering. */
export class BlockRunner {
  readonly #runtime: Runtime;
  /** The template's own scope, which named blocks see. */
  readonly #root: Scope;

  constructor(runtime: Runtime, root: Scope) {
    this.#runtime = runtime;
    this.#root = root;
  }

  /** Runs a block in a scope of its own and answers what it writes. */
  render(block: Block, scope: Scope): string {
    const place = this.#placeIn(scope);
    this.#run(block, place);
    return place.output.toText();
  }

  #placeIn(scope: Scope, output: Output = new Output(this.#runtime.budget)): Place {
    return { scope, output, evaluator: new Evaluator(this.#runtime, scope) };
  }

  #run(block: Block, place: Place): Ending {
    const { budget } = this.#runtime;
    budget.enter();
    for (const statement of block) {
      this.#runtime.line = statement.line;
      const ending = this.#runOne(statement, place);
      if (ending !== "end") {
        budget.leave();
        return ending;
      }
    }
    budget.leave();
    return "end";
  }

  #runOne(node: Statement, place: Place): Ending {
    const { scope, output, evaluator } = place;
    switch (node.kind) {
      case "data":
        this.#runtime.budget.step();
        output.write(node.text);
        return "end";
      case "print":
        output.write(this.#runtime.text(evaluator.evaluate(node.value)));
        return "end";
      case "do":
        evaluator.evaluate(node.value);
        return "end";
      case "if":
        for (const { test, body } of node.branches) {
          this.#runtime.budget.step();
          if (evaluator.isTrue(test)) return this.#run(body, place);
        }
        return this.#run(node.otherwise, place);
      case "for":
        return this.#loop(node, evaluator.evaluate(node.iterable), { place, depth: 0 });
      case "set":
        bindTarget(node.target, evaluator.evaluate(node.value), scope);
        return "end";
      case "macro":
        scope.set(node.name, this.#macro(node, scope));
        return "end";
      case "call-block": {
        const caller = this.#macro({ ...node, name: "caller" }, scope);
        output.write(this.#runtime.text(evaluator.call(node.call, [["caller", caller]])));
        return "end";
      }
      case "break":
      case "continue":
        return node.kind;
      case "unsupported":
        throw new TemplateError(`expected a self-contained template, got {% ${node.tag} %}`);
      case "set-block":
      case "filter-block":
      case "with":
      case "scope":
      case "block":
        return this.#runInner(node, place);
    }
  }

  /** Statements whose body has a scope of its own. */
  #runInner(
    node: Extract<Statement, { readonly kind: "set-block" | "filter-block" | "with" | "scope" | "block" }>,
    { scope, output, evaluator }: Place,
  ): Ending {
    const inner = new Scope(node.kind === "block" && !node.isScoped ? this.#root : scope);
    if (node.kind === "with") {
      for (const [target, value] of node.bindings) bindTarget(target, evaluator.evaluate(value), inner);
    }
    if (node.kind !== "set-block" && node.kind !== "filter-block") {
      return this.#run(node.body, this.#placeIn(inner, output));
    }
    const place = this.#placeIn(inner);
    const ending = this.#run(node.body, place);
    if (ending !== "end") return ending;
    const text = place.output.toText();
    const { filter } = node;
    const value = filter === undefined ? text : evaluator.filter(filter, text);
    if (node.kind === "set-block") bindTarget(node.target, value, scope);
    else output.write(this.#runtime.text(value));
    return "end";
  }

  #loop(
    node: ForNode,
    items: Value,
    { place, depth }: { readonly place: Place; readonly depth: number },
  ): Ending {
    const { output, scope } = place;
    const recurse = (inner: Value, innerDepth: number): string => {
      const innerPlace = this.#placeIn(scope);
      this.#loop(node, inner, { place: innerPlace, depth: innerDepth });
      return innerPlace.output.toText();
    };
    const source = node.test === undefined ? items : new Iteration(this.#chosen(node, items, scope));
    const loop = new LoopContext(source, iterate(source), {
      rendering: this.#runtime,
      depth,
      recurse: node.isRecursive ? recurse : undefined,
    });
    let hasFullRound = false;
    for (let item = loop.next(); item !== undefined; item = loop.next()) {
      this.#runtime.budget.step(roundSteps);
      const round = new Scope(scope);
      round.set("loop", loop);
      bindTarget(node.target, item, round);
      const ending = this.#run(node.body, this.#placeIn(round, output));
      if (ending === "break") break;
      if (ending === "end") hasFullRound = true;
    }
    // As Jinja does: `else` also runs after rounds of which none came to its end.
    if (!hasFullRound) return this.#run(node.otherwise, this.#placeIn(new Scope(scope), output));
    return "end";
  }

  /** The items for which the loop's own `if` is true, each tested when it is asked for. */
  *#chosen(node: ForNode, items: Value, scope: Scope): Generator<Value> {
    for (const item of iterate(items)) {
      this.#runtime.budget.step();
      const round = new Scope(scope);
      bindTarget(node.target, item, round);
      round.set(
        "loop",
        new Undefined(
          "'loop' is undefined. the filter section of a loop as well as the else block don't have access to the special 'loop' variable",
        ),
      );
      if (node.test === undefined || isTrue(new Evaluator(this.#runtime, round).evaluate(node.test))) {
        yield item;
      }
    }
  }

  #macro(definition: MacroDefinition, scope: Scope): PythonObject {
    const { name, signature, body } = definition;
    const bind = createMacroBinder(definition);
    const call = (args: CallArguments): Value => {
      const { parameters, special } = bind(args);
      const inner = new Scope(scope);
      const place = this.#placeIn(inner);
      for (const [specialName, value] of special) inner.set(specialName, value);
      for (const [index, [parameter, value]] of parameters.entries()) {
        const fallback = signature.parameters[index]?.fallback;
        const missing = new Undefined(`parameter '${parameter}' was not provided`);
        const isMissing = value === undefined;
        inner.set(
          parameter,
          isMissing ? (fallback === undefined ? missing : place.evaluator.evaluate(fallback)) : value,
        );
      }
      const { line } = this.#runtime;
      this.#run(body, place);
      this.#runtime.line = line;
      return place.output.toText();
    };
    const names = signature.parameters.map((parameter) => parameter.name);
    return {
      typeName: "Macro",
      call,
      attribute: (wanted) => (wanted === "name" ? name : wanted === "arguments" ? names : undefined),
    };
  }
}
