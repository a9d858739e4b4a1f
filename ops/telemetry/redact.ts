// Names of fields and variables whose values are secret.
const secretName =
  /authorization|secret|password|passwd|api[_-]?key|context[_-]?key|export[_-]?key|access[_-]?key|perspective[_-]?keys|llm[_-]?key|cookie|jwt|webhook|token$/i;

// What a secret looks like wherever it stands in a text.
const secretShapes: [RegExp, string][] = [
  [/\b(Bearer|Basic|DPoP)\s+[A-Za-z0-9._~+/=-]{8,}/gi, '$1 [redacted]'],
  [/\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*/g, '[redacted]'], // a JWT
  [/\b(sk|pk|rk)-[A-Za-z0-9_-]{16,}/g, '[redacted]'],
  [/\bAIza[A-Za-z0-9_-]{30,}/g, '[redacted]'], // a Google API key, as Perspective's are
  [/\b(AKIA|ASIA)[A-Z0-9]{16}\b/g, '[redacted]'],
  [/([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi, '$1:[redacted]@'], // a password in a URL
  [/([?&](?:key|token|api_key|access_token)=)[^&\s"']+/gi, '$1[redacted]'],
];

/** Whether a value under this name must never be written. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/** Values of this process's environment that are secret by name; short ones would match by chance. */
function environmentSecrets(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env)
    .filter(([name]) => secretName.test(name))
    .flatMap(([, value = '']) => [value, ...value.split(/[\s,]+/)]) // some hold several, separated by commas
    .filter((value) => value.length >= 8);
}

/** A text without secrets: those that look like one, and those that the environment holds. */
export function redact(text: string, env: NodeJS.ProcessEnv = process.env): string {
  let safe = text;
  for (const secret of environmentSecrets(env)) safe = safe.replaceAll(secret, '[redacted]');
  for (const [shape, replacement] of secretShapes) safe = safe.replace(shape, replacement);
  return safe;
}
