import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createCircuitBreaker, type CircuitPass } from "../../../src/gateway/routing/circuit-breaker.ts";

function create() {
  const clock = { ms: 0 };
  const breaker = createCircuitBreaker({ failureCount: 3, openMs: 100, maxOpenMs: 350, now: () => clock.ms });
  const fail = (): void => breaker.enter()?.fail();
  return { breaker, clock, fail };
}

test("opens after failures one after the other", () => {
  const { breaker, fail } = create();
  fail();
  fail();
  breaker.enter()?.succeed();
  fail();
  fail();
  expect(breaker.state).toBe("closed");
  fail();
  expect(breaker.state).toBe("open");
  expect(breaker.enter()).toBeUndefined();
});

test("lets one probe through, which closes it or opens it for twice as long", () => {
  const { breaker, clock, fail } = create();
  fail();
  fail();
  fail();
  clock.ms = 100;
  expect(breaker.state).toBe("half-open");
  const probe = breaker.enter();
  expect(breaker.enter()).toBeUndefined();
  probe?.fail();
  expect(breaker.retryAtMs).toBe(300);
  clock.ms = 300;
  fail();
  expect(breaker.retryAtMs).toBe(650);
  clock.ms = 650;
  fail();
  expect(breaker.retryAtMs).toBe(1000);
  clock.ms = 1000;
  breaker.enter()?.succeed();
  expect(breaker.state).toBe("closed");
  expect(breaker.enter()).toBeDefined();
});

test("another probe follows one whose client went away", () => {
  const { breaker, clock, fail } = create();
  fail();
  fail();
  fail();
  clock.ms = 100;
  breaker.enter()?.abandon();
  expect(breaker.enter()).toBeDefined();
});

test("a probe whose answer begins closes it, and may still fail", () => {
  const { breaker, clock, fail } = create();
  fail();
  fail();
  fail();
  clock.ms = 100;
  const probe = breaker.enter();
  probe?.begin();
  expect(breaker.state).toBe("closed");
  probe?.fail();
  fail();
  fail();
  expect(breaker.state).toBe("open");
});

test("an answer to a request from before it opened does not close it", () => {
  const { breaker, fail } = create();
  const old = breaker.enter();
  fail();
  fail();
  fail();
  old?.succeed();
  expect(breaker.state).toBe("open");
});

test("whatever happens: at most one probe at a time, none while open, and never shut for good", () => {
  const actions = fc.array(fc.constantFrom("enter", "begin", "succeed", "fail", "abandon", "wait"), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(actions, (list) => {
      const { breaker, clock } = create();
      const running: CircuitPass[] = [];
      for (const action of list) {
        const { state } = breaker;
        if (action === "wait") {
          clock.ms += 60;
        } else if (action === "enter") {
          const pass = breaker.enter();
          if (state === "open") expect(pass).toBeUndefined();
          if (state === "closed") expect(pass).toBeDefined();
          if (state === "half-open" && pass !== undefined) expect(breaker.enter()).toBeUndefined();
          if (pass !== undefined) running.push(pass);
        } else if (action === "begin") {
          running[0]?.begin();
        } else {
          running.shift()?.[action]();
        }
      }
      for (const pass of running) pass.abandon();
      clock.ms += 350;
      expect(breaker.isPassable).toBe(true);
    }),
  );
});
