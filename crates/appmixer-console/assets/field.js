// Fields of forms: a label, a control, a hint, and what is wrong with it.

import { button, fill, h, icon, newId } from './dom.js?v=VERSION';

/** Puts label, hint and error around a control. */
function wrap({ name, label, hint, required }, control, extra) {
  const id = newId(name);
  const hintId = `${id}-hint`;
  const error = h('p', { class: 'field-error', id: `${id}-error` });
  control.id = id;
  control.setAttribute('aria-describedby', `${hint ? `${hintId} ` : ''}${error.id}`);
  const optional = required ? null : h('span', { class: 'muted' }, ' (optional)');
  const element = h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label, required === undefined ? null : optional),
    extra ?? control,
    hint ? h('p', { class: 'hint', id: hintId }, hint) : null,
    error,
  );
  return {
    element,
    /** Says what is wrong, or with `null` that nothing is. */
    fail(message) {
      fill(error, message ? `${message.charAt(0).toUpperCase()}${message.slice(1)}` : null);
      if (message) control.setAttribute('aria-invalid', 'true');
      else control.removeAttribute('aria-invalid');
    },
  };
}

/**
 * A line of text, or with `rows` several. `required: false` says so beside the label. `verify(text)` may tell
 * what is wrong.
 */
export function textField(options) {
  const { name, type = 'text', value = '', rows, autocomplete = 'off', required, verify, list, mono } = options;
  const input = rows
    ? h('textarea', { name, rows, spellcheck: 'false', value, class: mono ? 'mono' : null })
    : h('input', { name, type, autocomplete, value, class: mono ? 'mono' : null });
  if (required) input.setAttribute('aria-required', 'true');
  let extra = null;
  if (type === 'password') {
    const reveal = button('Show', () => {
      const hidden = input.type === 'password';
      input.type = hidden ? 'text' : 'password';
      reveal.textContent = hidden ? 'Hide' : 'Show';
    }, { kind: 'quiet', 'aria-label': 'Show or hide the password' });
    extra = h('div', { class: 'joined' }, input, reveal);
  }
  if (list) {
    const id = newId('list');
    input.setAttribute('list', id);
    extra = [input, h('datalist', { id }, list.map((word) => h('option', { value: word })))];
  }
  const { element, fail } = wrap(options, input, extra);
  return {
    name,
    element,
    input,
    fail,
    value: () => input.value,
    set(text) {
      input.value = text;
    },
    focus: () => input.focus(),
    check() {
      const missing = required && input.value === '' ? 'is required' : null;
      const message = missing ?? verify?.(input.value) ?? null;
      if (message) fail(message);
      return !message;
    },
  };
}

/** One of some; `choices` are `[value, label]`. */
export function choiceField(options) {
  const { name, value, choices } = options;
  const input = h('select', { name }, choices.map(([choice, label]) => h('option', { value: choice }, label)));
  input.value = value;
  const { element, fail } = wrap(options, input);
  return { name, element, input, fail, value: () => input.value, focus: () => input.focus(), check: () => true };
}

/** Yes or no. */
export function switchField({ name, label, hint, value }) {
  const id = newId(name);
  const input = h('input', { type: 'checkbox', name, id, 'aria-describedby': `${id}-hint ${id}-error` });
  input.checked = value;
  const error = h('p', { class: 'field-error', id: `${id}-error` });
  const element = h(
    'div',
    { class: 'field' },
    h('div', { class: 'switch' }, input, h('label', { for: id }, label)),
    h('p', { class: 'hint', id: `${id}-hint` }, hint),
    error,
  );
  return {
    name,
    element,
    input,
    fail: (message) => fill(error, message),
    value: () => input.checked,
    focus: () => input.focus(),
    check: () => true,
  };
}

/** Several short texts: typed one after the other, with Enter or a comma, and taken away one by one. */
export function wordsField(options) {
  const { name, value = [], suggestions = [], onchange } = options;
  let words = [...value];
  const listId = newId('list');
  const input = h('input', { type: 'text', name, autocomplete: 'off', list: listId, spellcheck: 'false' });
  const chips = h('ul', { class: 'chips' });
  const box = h(
    'div',
    { class: 'words' },
    chips,
    h('div', { class: 'joined' }, input, button('Add', () => add(true), { kind: 'quiet' })),
    h('datalist', { id: listId }, suggestions.map((word) => h('option', { value: word }))),
  );
  const { element, fail } = wrap(options, input, box);

  function add(stay) {
    const typed = input.value.split(',').map((word) => word.trim()).filter((word) => word !== '');
    input.value = '';
    words = [...new Set([...words, ...typed])];
    show();
    if (stay) input.focus();
    if (typed.length > 0) onchange?.();
  }

  function remove(word) {
    const index = words.indexOf(word);
    words = words.filter((other) => other !== word);
    show();
    (chips.querySelectorAll('button')[Math.min(index, words.length - 1)] ?? input).focus();
    onchange?.();
  }

  function show() {
    fill(chips, words.map((word) => h(
      'li',
      { class: 'chip' },
      word,
      h('button', { type: 'button', class: 'bare', 'aria-label': `Remove ${word}`, onclick: () => remove(word) }, icon('close')),
    )));
    chips.hidden = words.length === 0;
  }

  input.addEventListener('keydown', (event) => {
    if ((event.key === 'Enter' || event.key === ',') && input.value.trim() !== '') {
      event.preventDefault();
      add(true);
    }
  });
  show();
  return {
    name,
    element,
    input,
    fail,
    // What is typed and not yet added counts too: who saves means it.
    value() {
      const typed = input.value.split(',').map((word) => word.trim()).filter((word) => word !== '');
      return [...new Set([...words, ...typed])];
    },
    set(list) {
      words = [...list];
      input.value = '';
      show();
    },
    focus: () => input.focus(),
    check: () => true,
  };
}
