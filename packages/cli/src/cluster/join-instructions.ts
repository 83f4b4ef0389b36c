/** The line that adds a node, as Docker prints it. */
export const joinInstructions = (answer: { readonly joinToken: string; readonly address: string }): string =>
  `To add a node to this cluster, run the following command on it:\n\n    murmur node join --token ${answer.joinToken} ${answer.address}\n`;
