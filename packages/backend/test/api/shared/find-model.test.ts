import { expect, test } from "vitest";
import { findModel } from "../../../src/api/shared/find-model.ts";
import type { ModelService, ModelStatus } from "../../../src/models/model-service.ts";
import { fakeModel } from "../../support/fake-core.ts";

const loading: ModelStatus = {
  id: "loading",
  aliases: ["soon"],
  state: "starting",
  reasons: ["the model loads"],
  model: undefined,
  stats: undefined,
};
const ready: ModelStatus = {
  ...loading,
  id: "fake",
  aliases: ["alias"],
  state: "ready",
  reasons: [],
  model: fakeModel,
};

function find(statuses: readonly ModelStatus[], name: string): unknown {
  const service = { models: () => statuses } as unknown as ModelService;
  return findModel(service, name);
}

test("finds a model by its id and by an alias", () => {
  expect([find([loading, ready], "fake"), find([ready], "alias")]).toEqual([fakeModel, fakeModel]);
});

test.each(["loading", "soon"])("answers 503 for %s, a model that loads beside one that is ready", (name) => {
  expect(() => find([loading, ready], name)).toThrow(
    expect.objectContaining({ status: 503, message: expect.stringContaining("the model loads") }),
  );
});

test("answers 404 for a name of no model, whatever the state of the others", () => {
  for (const statuses of [[loading, ready], [loading]]) {
    expect(() => find(statuses, "other")).toThrow(expect.objectContaining({ status: 404 }));
  }
});
