// A form: shows what the server says of each field, is sent once at a time, and knows whether it was changed.

import { button, fill, h } from './dom.js?v=VERSION';
import { problem } from './notice.js?v=VERSION';

/**
 * `fields` have `element`, `name`, `value()`, `fail(message)` and `check()`. `onsubmit` may throw what the server
 * refused: its details go to their fields, the rest above them.
 */
export function makeForm({ fields, submit, kind = 'primary', cancel, onsubmit, layout }) {
  const errors = h('div', { class: 'form-errors' });
  const send = button(submit, null, { kind, type: 'submit' });
  const extra = cancel ? button(cancel.label, cancel.action) : null;
  const element = h(
    'form',
    { class: 'stack', novalidate: true },
    errors,
    layout ?? fields.map((field) => field.element),
    h('div', { class: 'actions' }, extra, send),
  );
  let initial = snapshot();

  function snapshot() {
    return fields.map((field) => JSON.stringify(field.value()));
  }

  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (send.getAttribute('aria-disabled') === 'true') return;
    fill(errors);
    for (const field of fields) field.fail(null);
    const wrong = fields.filter((field) => !field.check());
    if (wrong.length > 0) {
      wrong[0].focus();
      return;
    }
    // Not `disabled`, which would take the focus away.
    send.setAttribute('aria-disabled', 'true');
    try {
      await onsubmit();
    } catch (error) {
      show(error);
    } finally {
      send.removeAttribute('aria-disabled');
    }
  });

  function show(error) {
    const rest = [];
    let first = null;
    for (const { path, message } of error.details ?? []) {
      const field = fields.find(({ name }) => path === name || path.startsWith(`${name}[`));
      if (field) {
        field.fail(message);
        first ??= field;
      } else {
        rest.push(`${path} ${message}`);
      }
    }
    if (first === null || rest.length > 0) {
      const shown = problem(error);
      if (first !== null) shown.append(...rest.map((text) => h('p', {}, text)));
      fill(errors, shown);
    }
    if (first !== null) first.focus();
    if (error.status === undefined) throw error; // A mistake of ours; it belongs into the console.
  }

  return {
    element,
    isChanged: () => snapshot().some((now, index) => now !== initial[index]),
    /** What is there now is what it is compared with from here on. */
    settle() {
      initial = snapshot();
    },
  };
}
