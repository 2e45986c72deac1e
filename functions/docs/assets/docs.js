SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  // Off localhost it would show the document to a service of somebody else.
  validatorUrl: "none",
});
