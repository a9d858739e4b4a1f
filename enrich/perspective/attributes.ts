/** What one of Perspective's attributes is called here and there. */
export interface Attribute {
  /** Label in the lake. */
  label: string;
  /** Name in the API. */
  name: string;
}

const experimental = (label: string): Attribute => ({ label, name: `${label}_EXPERIMENTAL` });
const production = (label: string): Attribute => ({ label, name: label });

/**
 * The 21 attributes that the 2024 study asked for, in four groups: toxic, bridging, dividing, moderation. The service
 * calls some of them experimental; the lake doesn't, so that a label keeps its name should that change.
 */
export const attributes: readonly Attribute[] = [
  ...['TOXICITY', 'SEVERE_TOXICITY', 'IDENTITY_ATTACK', 'INSULT', 'PROFANITY', 'THREAT'].map(production),
  ...['AFFINITY', 'COMPASSION', 'CURIOSITY', 'NUANCE', 'PERSONAL_STORY', 'REASONING', 'RESPECT'].map(
    experimental,
  ),
  ...['ALIENATION', 'FEARMONGERING', 'GENERALIZATION', 'MORAL_OUTRAGE', 'SCAPEGOATING'].map(experimental),
  ...['SEXUALLY_EXPLICIT', 'FLIRTATION', 'SPAM'].map(production),
];
