// Editing one entry of the system configuration. Escape does not throw away what was typed.

import { api } from './api.js?v=VERSION';
import { openDialog } from './dialog.js?v=VERSION';
import { h } from './dom.js?v=VERSION';
import { choiceField, textField, wordsField } from './field.js?v=VERSION';
import { makeForm } from './form.js?v=VERSION';
import { jsonField } from './json-field.js?v=VERSION';
import { SCOPES } from './users-api.js?v=VERSION';

/** The field for what a key takes, whose `read()` gives the value as the API has it. */
function valueField(known, value) {
  const base = { name: 'value', label: 'Value', required: true };
  const text = typeof value === 'string' ? value : '';
  if (known.secret) {
    const field = textField({
      ...base, type: 'password', autocomplete: 'new-password',
      hint: 'It can be written and never read. What is there now is replaced.',
    });
    return { field, read: field.value };
  }
  switch (known.value) {
    case 'number': {
      const field = textField({ ...base, type: 'number', value: value ?? '' });
      return { field, read: () => Number(field.value()) };
    }
    case 'scopes': {
      const field = wordsField({ ...base, value: text.split(',').map((word) => word.trim()).filter(Boolean), suggestions: SCOPES });
      return { field, read: () => field.value().join(',') };
    }
    case 'vendors': {
      const list = Array.isArray(value) ? value : text ? [text] : [];
      const field = wordsField({ ...base, value: list });
      return { field, read: field.value };
    }
    case 'choice': {
      const choices = (known.choices ?? []).map((choice) => [choice, choice]);
      const field = choiceField({ ...base, value: text || choices[0]?.[0], choices });
      return { field, read: field.value };
    }
    default: {
      const long = known.value === 'text';
      const field = textField({ ...base, value: text, rows: long ? 8 : undefined });
      return { field, read: field.value };
    }
  }
}

/** Opens the editor; `known` tells of a key that means something. Resolves with whether it was saved. */
export async function editEntry({ known, value }) {
  const { field, read } = valueField(known, value);
  let form;
  const saved = await openDialog({
    title: known.key,
    wide: known.value === 'text',
    focus: field.input,
    mayClose: () => !form.isChanged(),
    body: (close) => {
      form = makeForm({
        fields: [field],
        submit: 'Save',
        cancel: { label: 'Cancel', action: () => close(false) },
        onsubmit: async () => {
          await api('POST', '/config', { body: { key: known.key, value: read() } });
          close(true);
        },
      });
      return [h('p', {}, known.meaning), form.element];
    },
  });
  return saved === true;
}

/** The same for a key of the operator's own; without `key` it is a new one. Resolves with the key that was saved. */
export async function editOwnEntry({ key, value, taken }) {
  const name = textField({
    name: 'key', label: 'Key', value: key ?? '', required: true,
    verify: (text) => (taken.includes(text) ? 'is there already' : null),
  });
  if (key !== undefined) name.input.readOnly = true;
  const json = jsonField({ name: 'value', label: 'Value, as JSON', value, rows: 6, required: true, hint: 'A text stands in double quotes: "like this".' });
  let form;
  const saved = await openDialog({
    title: key === undefined ? 'New entry' : key,
    wide: true,
    focus: key === undefined ? name.input : json.input,
    mayClose: () => !form.isChanged(),
    body: (close) => {
      form = makeForm({
        fields: [name, json],
        submit: 'Save',
        cancel: { label: 'Cancel', action: () => close(false) },
        onsubmit: async () => {
          await api('POST', '/config', { body: { key: name.value(), value: json.value() } });
          close(name.value());
        },
      });
      return [form.element];
    },
  });
  return saved || null;
}
