// In place of the process of a GPU's check: its first argument says what becomes of it.
const endings = {
  hangs: () => setInterval(() => undefined, 1000),
  crashes: () => {
    process.stderr.write("the driver says why\n");
    process.kill(process.pid, "SIGSEGV");
  },
  answers: () => {
    const flags = process.argv.slice(3);
    const check = {
      device: "A GPU",
      isStandIn: false,
      kernels: [],
      copies: undefined,
      problem: flags.join(),
    };
    process.send({ check }, () => process.exit(0));
  },
};
endings[process.argv[2]]();
