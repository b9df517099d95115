"use strict";

SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#description",
  deepLinking: true,
  validatorUrl: null, // the default sends the description to a host of theirs
});
