import { iterate } from "../values/iterate.ts";
import { isNamespace } from "../library/namespace.ts";
import type { Target } from "../syntax/nodes.ts";
import type { Scope } from "./scope.ts";
import { TemplateError } from "../values/template-error.ts";
import type { Value } from "../values/values.ts";

/** Binds a value to a name, its items to several, or a namespace's attribute to it. @throws TemplateError */
export function bindTarget(target: Target, value: Value, scope: Scope): void {
  switch (target.kind) {
    case "name":
      scope.set(target.name, value);
      return;
    case "member": {
      const namespace = scope.get(target.object);
      if (namespace === undefined || !isNamespace(namespace)) {
        throw new TemplateError("cannot assign attribute on non-namespace object");
      }
      namespace.set(target.name, value);
      return;
    }
    case "targets":
      unpack(target.targets, value, scope);
  }
}

function unpack(targets: readonly Target[], value: Value, scope: Scope): void {
  const items: Value[] = [];
  for (const item of iterate(value)) {
    if (items.length === targets.length) {
      throw new TemplateError(`too many values to unpack (expected ${targets.length})`);
    }
    items.push(item);
  }
  if (items.length < targets.length) {
    throw new TemplateError(`not enough values to unpack (expected ${targets.length}, got ${items.length})`);
  }
  for (const [index, target] of targets.entries()) bindTarget(target, items[index] ?? null, scope);
}
