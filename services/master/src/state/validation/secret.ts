import type { Secret } from '@meseta/protocol';

/** What is wrong with a secret, in words that follow the name of what holds it: it is a value or a reference, and not both (X9). */
export function validateSecret(secret: Secret | undefined): string | undefined {
  if (secret === undefined) return undefined;
  const { type, reference, value } = secret;
  if (reference !== undefined && value !== undefined)
    return 'must not have a secret with both a reference and a value';
  // String enums hold their own names.
  if (type === ('REFERENCE' as unknown))
    return (reference?.name ?? '') === '' ? 'must name its secret in secret.reference.name' : undefined;
  if (type === ('VALUE' as unknown))
    return value?.data === undefined ? 'must have its secret in secret.value.data' : undefined;
  return 'must have a secret of type REFERENCE or VALUE';
}
