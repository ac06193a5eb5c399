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

/** Steps of one iteration of a loop, without its body. */
const iterationSteps = 4;

/** How a block completed. */
type Completion = "normal" | "break" | "continue";

/** The context of running statements. */
interface Frame {
  readonly scope: Scope;
  readonly output: Output;
  /** Evaluates in the scope. */
  readonly evaluator: Evaluator;
}

/** Runs the statements of one rendering. */
export class BlockRunner {
  readonly #runtime: Runtime;
  /** The template's scope, which named blocks see. */
  readonly #root: Scope;

  constructor(runtime: Runtime, root: Scope) {
    this.#runtime = runtime;
    this.#root = root;
  }

  /** Runs a block in a scope and returns its output. */
  render(block: Block, scope: Scope): string {
    const frame = this.#frameIn(scope);
    this.#run(block, frame);
    return frame.output.toText();
  }

  #frameIn(scope: Scope, output: Output = new Output(this.#runtime.budget)): Frame {
    return { scope, output, evaluator: new Evaluator(this.#runtime, scope) };
  }

  #run(block: Block, frame: Frame): Completion {
    const { budget } = this.#runtime;
    budget.enter();
    for (const statement of block) {
      this.#runtime.line = statement.line;
      const completion = this.#runOne(statement, frame);
      if (completion !== "normal") {
        budget.leave();
        return completion;
      }
    }
    budget.leave();
    return "normal";
  }

  #runOne(node: Statement, frame: Frame): Completion {
    const { scope, output, evaluator } = frame;
    switch (node.kind) {
      case "data":
        this.#runtime.budget.step();
        output.write(node.text);
        return "normal";
      case "print":
        output.write(this.#runtime.text(evaluator.evaluate(node.value)));
        return "normal";
      case "do":
        evaluator.evaluate(node.value);
        return "normal";
      case "if":
        for (const { test, body } of node.branches) {
          this.#runtime.budget.step();
          if (evaluator.isTrue(test)) return this.#run(body, frame);
        }
        return this.#run(node.otherwise, frame);
      case "for":
        return this.#loop(node, evaluator.evaluate(node.iterable), { frame, depth: 0 });
      case "set":
        bindTarget(node.target, evaluator.evaluate(node.value), scope);
        return "normal";
      case "macro":
        scope.set(node.name, this.#macro(node, scope));
        return "normal";
      case "call-block": {
        const caller = this.#macro({ ...node, name: "caller" }, scope);
        output.write(this.#runtime.text(evaluator.call(node.call, [["caller", caller]])));
        return "normal";
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
        return this.#runInner(node, frame);
    }
  }

  /** Runs statements whose body has its own scope. */
  #runInner(
    node: Extract<Statement, { readonly kind: "set-block" | "filter-block" | "with" | "scope" | "block" }>,
    { scope, output, evaluator }: Frame,
  ): Completion {
    const inner = new Scope(node.kind === "block" && !node.isScoped ? this.#root : scope);
    if (node.kind === "with") {
      for (const [target, value] of node.bindings) bindTarget(target, evaluator.evaluate(value), inner);
    }
    if (node.kind !== "set-block" && node.kind !== "filter-block") {
      return this.#run(node.body, this.#frameIn(inner, output));
    }
    const frame = this.#frameIn(inner);
    const completion = this.#run(node.body, frame);
    if (completion !== "normal") return completion;
    const text = frame.output.toText();
    const { filter } = node;
    const value = filter === undefined ? text : evaluator.filter(filter, text);
    if (node.kind === "set-block") bindTarget(node.target, value, scope);
    else output.write(this.#runtime.text(value));
    return "normal";
  }

  #loop(
    node: ForNode,
    items: Value,
    { frame, depth }: { readonly frame: Frame; readonly depth: number },
  ): Completion {
    const { output, scope } = frame;
    const recurse = (inner: Value, innerDepth: number): string => {
      const innerFrame = this.#frameIn(scope);
      this.#loop(node, inner, { frame: innerFrame, depth: innerDepth });
      return innerFrame.output.toText();
    };
    const source = node.test === undefined ? items : new Iteration(this.#filterItems(node, items, scope));
    const loop = new LoopContext(source, iterate(source), {
      rendering: this.#runtime,
      depth,
      recurse: node.isRecursive ? recurse : undefined,
    });
    let hasFullIteration = false;
    for (let item = loop.next(); item !== undefined; item = loop.next()) {
      this.#runtime.budget.step(iterationSteps);
      const iteration = new Scope(scope);
      iteration.set("loop", loop);
      bindTarget(node.target, item, iteration);
      const completion = this.#run(node.body, this.#frameIn(iteration, output));
      if (completion === "break") break;
      if (completion === "normal") hasFullIteration = true;
    }
    // As in Jinja, `else` also runs where no iteration completed normally.
    if (!hasFullIteration) return this.#run(node.otherwise, this.#frameIn(new Scope(scope), output));
    return "normal";
  }

  /** The items for which the loop's `if` is true, tested lazily. */
  *#filterItems(node: ForNode, items: Value, scope: Scope): Generator<Value> {
    for (const item of iterate(items)) {
      this.#runtime.budget.step();
      const iteration = new Scope(scope);
      bindTarget(node.target, item, iteration);
      iteration.set(
        "loop",
        new Undefined(
          "'loop' is undefined. the filter section of a loop as well as the else block don't have access to the special 'loop' variable",
        ),
      );
      if (node.test === undefined || isTrue(new Evaluator(this.#runtime, iteration).evaluate(node.test))) {
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
      const frame = this.#frameIn(inner);
      for (const [specialName, value] of special) inner.set(specialName, value);
      for (const [index, [parameter, value]] of parameters.entries()) {
        const fallback = signature.parameters[index]?.fallback;
        const missing = new Undefined(`parameter '${parameter}' was not provided`);
        const isMissing = value === undefined;
        inner.set(
          parameter,
          isMissing ? (fallback === undefined ? missing : frame.evaluator.evaluate(fallback)) : value,
        );
      }
      const { line } = this.#runtime;
      this.#run(body, frame);
      this.#runtime.line = line;
      return frame.output.toText();
    };
    const names = signature.parameters.map((parameter) => parameter.name);
    return {
      typeName: "Macro",
      call,
      attribute: (key) => (key === "name" ? name : key === "arguments" ? names : undefined),
    };
  }
}
