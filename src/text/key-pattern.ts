/** The text of a key, a UUID as frameworkd looks for it: letters and digits, not only hexadecimal ones (OSSIM `Framework.py`). */
export const keyPattern = '[a-zA-Z0-9]{8}(?:-[a-zA-Z0-9]{4}){3}-[a-zA-Z0-9]{12}'
