// What was filtered and opened, kept over a save for as long as the tab lives. Nothing of the policy is in it but names of its rules.

const keyOf = () => `portcullis:rows:${location.pathname.split("/policies/").at(0)}`;

const NOTHING = { filter: "", class: "", standing: "", open: [] };

const stored = () => {
  try {
    return { ...NOTHING, ...JSON.parse(sessionStorage.getItem(keyOf())) };
  } catch {
    return NOTHING;
  }
};

/** `{ filter, class, standing, open }` as they were left. */
export const recall = () => {
  const { open, ...rest } = stored();
  return { ...rest, open: new Set(open) };
};

/** Keeps them for the next page. */
export const remember = (ui) => {
  const kept = { filter: ui.filter, class: ui.class, standing: ui.standing, open: [...ui.open] };
  try {
    sessionStorage.setItem(keyOf(), JSON.stringify(kept));
  } catch {
    // No storage here: the next page begins with everything closed.
  }
};
