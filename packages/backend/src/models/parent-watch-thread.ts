const intervalMs = 500;
/** Time for the process to exit by itself. */
const graceMs = 2000;

const parentPid = process.ppid;

function isParentGone(): boolean {
  // An orphan gets another parent, except on Windows.
  if (process.ppid !== parentPid) return true;
  try {
    process.kill(parentPid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

const timer = setInterval(() => {
  if (!isParentGone()) return;
  clearInterval(timer);
  setTimeout(() => process.kill(process.pid, "SIGKILL"), graceMs);
}, intervalMs);
