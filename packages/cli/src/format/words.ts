/** `running` → `Running`. */
export const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** Cuts a text to so many characters, as Docker does in tables. */
export const shortened = (text: string, max: number): string => {
  const characters = Array.from(text);
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join("")}…`;
};
