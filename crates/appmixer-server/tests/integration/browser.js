// Finds what a person would: by the words on it, and only what can be seen.

const scope = () => [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body;
const isVisible = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
const nameOf = (element) => (element.getAttribute('aria-label') ?? element.textContent).replace(/\s+/g, ' ').trim();

/** What can be pressed and is called so. */
function named(name) {
  const all = [...scope().querySelectorAll('button, a[href], summary, label[for]')].filter(isVisible);
  return shown(all.find((element) => nameOf(element) === name && !element.disabled));
}

/** Brings it where nothing that sticks to an edge covers it. */
function shown(element) {
  element?.scrollIntoView({ block: 'center', behavior: 'instant' });
  return element ?? null;
}

/** The control whose label begins with these words. */
function field(label) {
  const words = [...scope().querySelectorAll('label')].filter(isVisible);
  const exact = words.find((element) => nameOf(element) === label) ?? words.find((element) => nameOf(element).startsWith(label));
  if (exact) return shown(document.getElementById(exact.htmlFor));
  return shown([...scope().querySelectorAll('input, select, textarea, [role=slider]')].find((element) => element.getAttribute('aria-label') === label));
}

const heading = () => document.querySelector('main h1')?.textContent;

/** Whether everything that was asked for is there; what waits behind a dialog waits for it. */
const isSettled = () => scope().querySelector(`.loading, [aria-busy="true"], button[aria-disabled="true"]`) === null;
