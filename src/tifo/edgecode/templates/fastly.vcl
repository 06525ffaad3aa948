sub tifo_@IDENTIFIER@_token {
  # Shield nodes and restarts get what the first node has checked.
  if (req.restarts > 0 || fastly.ff.visits_this_service > 0) {
    return;
  }
  unset req.http.Tifo-Session;

  declare local var.token STRING;
  declare local var.path STRING;
  declare local var.query STRING;
  declare local var.plain STRING;
  declare local var.said STRING;
  declare local var.code STRING;
  declare local var.key STRING;
  declare local var.session STRING;
  declare local var.opened STRING;
  declare local var.begin INTEGER;
  declare local var.end INTEGER;
  declare local var.now INTEGER;

@TAKE_TOKEN@

  if (var.token !~ "^@PATTERN@\z") {
    error 403 "Malformed token";
  }
  set var.said = re.group.1;
  set var.key = table.lookup(@DICTIONARY@, re.group.2, "");
  set var.begin = std.atoi(re.group.3);
  set var.end = std.atoi(re.group.4);
  set var.session = re.group.5;
  set var.opened = re.group.6;
  set var.code = "0x" re.group.7;

  # An unknown key id finds no key; nothing is ever checked with an empty one.
  if (var.key !~ "^[0-9a-f]{64,}\z") {
    error 403 "Unknown key";
  }
  if (!digest.secure_is_equal(digest.hmac_sha256(var.key, var.said), var.code)) {
    error 403 "Bad signature";
  }

  set var.now = std.atoi(now.sec);
  if (var.now >= var.end) {
    error 410 "Token expired";
  }
  set var.begin -= @CLOCK_SKEW_S@;
  if (var.now < var.begin) {
    error 403 "Token not yet valid";
  }

  # A text ends at a zero byte, so a path with one could hide what follows it.
  set var.plain = urldecode(var.path);
  if (std.strstr(var.path, {"%00"}) || var.path ~ "(^|/)\.\.(/|\z)" || var.plain ~ "(^|/)\.\.(/|\z)") {
    error 403 "Another path";
  }
  set var.opened = regsuball(var.opened, "~", "/");
  if (var.opened ~ "/\z") {
    if (!std.prefixof(var.plain, var.opened)) {
      error 403 "Another path";
    }
  } else if (var.plain != var.opened) {
    error 403 "Another path";
  }

  # Neither the token nor what a player measures divides the cache; what a playlist's reload asks for does.
  set req.http.Tifo-Session = var.session;
  set req.url = var.path if(std.strlen(var.query) > 0, "?" var.query, "");
  set req.url = querystring.regfilter_except(req.url, "^_HLS_");
}
