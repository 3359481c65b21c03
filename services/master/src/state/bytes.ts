/** The bytes of a text in hexadecimal. The wire type is Node's Buffer; the edge that writes it takes any bytes. */
export function bytesOf(hex: string): Buffer {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes as Buffer;
}
