import { describe, expect, it } from "vitest";

import { strftime } from "../../../src/chat-template/library/strftime.ts";

describe("strftime", () => {
  const date = new Date(2024, 0, 7, 15, 4, 9);

  it("formats as C does", () => {
    expect(strftime(date, "%Y-%m-%d %H:%M:%S %y %e")).toBe("2024-01-07 15:04:09 24  7");
    expect(strftime(date, "%A %a %B %b %I %p %F %T %%")).toBe(
      "Sunday Sun January Jan 03 PM 2024-01-07 15:04:09 %",
    );
  });

  it("drops padding after a dash", () => {
    expect(strftime(date, "%-d %-m %-I")).toBe("7 1 3");
  });

  it("leaves what it does not know", () => {
    expect(strftime(date, "%Q 100%")).toBe("%Q 100%");
  });
});
