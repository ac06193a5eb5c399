import { expect, test } from "vitest";
import { advertisedAddress } from "../../src/registry/advertised-address.ts";

type Interfaces = NonNullable<Parameters<typeof advertisedAddress>[1]>;

function interfacesOf(addresses: Readonly<Record<string, string>>): Interfaces {
  const entry = (address: string, internal: boolean) => ({
    address,
    internal,
    family: "IPv4" as const,
    netmask: "255.255.255.0",
    mac: "00:00:00:00:00:00",
    cidr: null,
  });
  const others = Object.entries(addresses).map(([name, address]) => [name, [entry(address, false)]]);
  return { lo: [entry("127.0.0.1", true)], ...Object.fromEntries(others) };
}

const one = interfacesOf({ eth0: "10.0.0.5" });

test("takes the configured address, or the one that is listened on", () => {
  const host = "0.0.0.0";
  expect(advertisedAddress({ advertiseAddress: "a.example", host }, one)).toEqual({ address: "a.example" });
  expect(advertisedAddress({ advertiseAddress: undefined, host: "10.0.0.9" }, one)).toEqual({
    address: "10.0.0.9",
  });
});

test("says that others cannot reach a loopback address", () => {
  expect(advertisedAddress({ advertiseAddress: undefined, host: "127.0.0.1" }, one)).toEqual({
    address: "127.0.0.1",
    warning: expect.stringContaining("discovery.advertiseAddress"),
  });
});

test.each(["0.0.0.0", "::"])(
  "listening on %s, takes the only address that there is, and asks for one else",
  (host) => {
    expect(advertisedAddress({ advertiseAddress: undefined, host }, one)).toEqual({
      address: "10.0.0.5",
      warning: expect.stringContaining("10.0.0.5 of eth0"),
    });
    const several = interfacesOf({ eth0: "10.0.0.5", docker0: "172.17.0.1" });
    expect(() => advertisedAddress({ advertiseAddress: undefined, host }, several)).toThrow(
      expect.objectContaining({
        code: "INVALID_CONFIG",
        message: expect.stringContaining("10.0.0.5 of eth0, 172.17.0.1 of docker0"),
      }),
    );
    expect(() => advertisedAddress({ advertiseAddress: undefined, host }, interfacesOf({}))).toThrow(
      "no IPv4",
    );
  },
);
