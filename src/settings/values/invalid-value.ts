/** A text that is not a value of its setting; the message completes "VALUE …". */
export class InvalidValue extends Error {}
