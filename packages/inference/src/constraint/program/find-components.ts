/**
 * The number of each state's strongly connected component (Tarjan, without recursion). A component has a higher number
 * than all those that it leads to. `spend` is called for each state.
 */
export function findComponents(successors: readonly (readonly number[])[], spend?: () => void): Int32Array {
  const count = successors.length;
  const order = new Int32Array(count).fill(-1);
  const lowest = new Int32Array(count);
  const component = new Int32Array(count).fill(-1);
  const position = new Int32Array(count);
  const open: number[] = [];
  let next = 0;
  let componentCount = 0;
  for (let root = 0; root < count; root += 1) {
    if (order[root] !== -1) continue;
    const path = [root];
    while (path.length > 0) {
      const state = path.at(-1)!;
      if (order[state] === -1) {
        spend?.();
        order[state] = next;
        lowest[state] = next;
        next += 1;
        open.push(state);
      }
      const following = successors[state]!;
      if (position[state]! < following.length) {
        const target = following[position[state]!]!;
        position[state]! += 1;
        if (order[target] === -1) path.push(target);
        else if (component[target] === -1) lowest[state] = Math.min(lowest[state]!, order[target]!);
        continue;
      }
      path.pop();
      const caller = path.at(-1);
      if (caller !== undefined) lowest[caller] = Math.min(lowest[caller]!, lowest[state]!);
      if (lowest[state] !== order[state]) continue;
      for (let member = open.pop()!; ; member = open.pop()!) {
        component[member] = componentCount;
        if (member === state) break;
      }
      componentCount += 1;
    }
  }
  return component;
}
