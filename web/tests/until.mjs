// How the tests wait: for something to become true, and much longer than it takes on any machine.

export const PATIENCE_MS = 60_000;

/** Waits until `check` gives something true, and gives it; fails with `what` after a while. */
export const until = async (check, what) => {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
