SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  // Otherwise, pages that are not on localhost send the document to an external service.
  validatorUrl: "none",
});
