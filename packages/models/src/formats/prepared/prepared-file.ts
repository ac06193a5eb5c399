/** The weights of a prepared model, with its config and what they are. */
export const preparedFile = "prepared.safetensors";
