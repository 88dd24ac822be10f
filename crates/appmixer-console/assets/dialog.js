// Dialogs, as the browser has them: it keeps the focus inside, closes them with Escape, and gives the focus back.

import { button, h, newId } from './dom.js?v=VERSION';
import { textField } from './field.js?v=VERSION';
import { makeForm } from './form.js?v=VERSION';

/**
 * Opens a dialog; resolves with what `close` was called with, or `undefined` when it was dismissed.
 * `body(close)` gives its content; `mayClose()` may refuse that it is dismissed with Escape.
 */
export function openDialog({ title, body, focus, wide = false, mayClose = () => true }) {
  return new Promise((resolve) => {
    const id = newId('dialog');
    let result;
    const element = h('dialog', { class: wide ? 'dialog wide' : 'dialog', 'aria-labelledby': id });
    const close = (value) => {
      result = value;
      element.close();
    };
    element.append(h('h2', { id }, title), h('div', { class: 'stack' }, body(close)));
    element.addEventListener('cancel', (event) => {
      if (!mayClose()) event.preventDefault();
    });
    element.addEventListener('close', () => {
      element.remove();
      resolve(result);
    });
    document.body.append(element);
    element.showModal();
    focus?.focus();
  });
}

/** Asks yes or no. The focus is on No, so that nothing happens by a stray Enter. */
export async function confirm({ title, text, yes, no = 'Cancel', danger = false }) {
  const refuse = button(no, null);
  const answer = await openDialog({
    title,
    focus: refuse,
    body: (close) => {
      refuse.addEventListener('click', () => close(false));
      const agree = button(yes, () => close(true), { kind: danger ? 'danger' : 'primary' });
      return [h('p', {}, text), h('div', { class: 'actions' }, refuse, agree)];
    },
  });
  return answer === true;
}

/**
 * What cannot be undone: asks that a word be typed, then does it and shows how it goes. Resolves with `true` when
 * it is done. `action(tell)` may tell of its progress.
 */
export async function confirmByTyping({ title, text, word, what, yes, action }) {
  const typed = textField({
    name: 'word',
    label: h('span', {}, `Type ${what} to confirm: `, h('code', { class: 'break' }, word)),
    autocomplete: 'off',
    required: true,
  });
  typed.input.spellcheck = false;
  const progress = h('div', { class: 'stack', 'aria-live': 'polite' });
  let busy = false;
  const done = await openDialog({
    title,
    focus: typed.input,
    mayClose: () => !busy,
    body: (close) => {
      const form = makeForm({
        fields: [typed],
        submit: yes,
        kind: 'danger',
        cancel: { label: 'Cancel', action: () => busy || close(false) },
        onsubmit: async () => {
          if (typed.value().trim() !== word) {
            typed.fail(`This is not ${word}`);
            typed.input.focus();
            return;
          }
          busy = true;
          const told = h('p', {}, 'Under way …');
          progress.replaceChildren(h('progress', { 'aria-label': 'Progress' }), told);
          try {
            await action((message) => {
              told.textContent = message;
            });
            busy = false;
            close(true);
          } finally {
            busy = false;
            progress.replaceChildren();
          }
        },
      });
      return [h('p', {}, text), form.element, progress];
    },
  });
  return done === true;
}
