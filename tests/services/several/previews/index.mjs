// What a link leads to, before it is followed. It knows nothing of archduel, and keeps its state in globals.
const made = new Map();

export const handler = async (event) => {
  console.log(`${event.routeKey}, ${made.size} known`);
  if (event.routeKey === "POST /previews") {
    const { slug, text } = JSON.parse(event.body);
    made.set(slug, text);
    return { statusCode: 201, body: JSON.stringify({ slug }) };
  }
  const { slug } = event.pathParameters;
  if (slug === "gone") throw new Error("gone");
  return { slug, text: made.get(slug) ?? "a link" };
};
