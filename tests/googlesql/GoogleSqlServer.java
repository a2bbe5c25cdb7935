import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.ByteString;
import com.google.zetasql.Analyzer;
import com.google.zetasql.AnalyzerOptions;
import com.google.zetasql.ArrayType;
import com.google.zetasql.LanguageOptions;
import com.google.zetasql.Parser;
import com.google.zetasql.PreparedQuery;
import com.google.zetasql.SimpleCatalog;
import com.google.zetasql.SimpleColumn;
import com.google.zetasql.SimpleTable;
import com.google.zetasql.StructType;
import com.google.zetasql.TableContent;
import com.google.zetasql.Type;
import com.google.zetasql.TypeFactory;
import com.google.zetasql.Value;
import com.google.zetasql.ZetaSQLBuiltinFunctionOptions;
import com.google.zetasql.ZetaSQLOptions.ErrorMessageMode;
import com.google.zetasql.ZetaSQLOptions.LanguageFeature;
import com.google.zetasql.ZetaSQLOptions.ProductMode;
import com.google.zetasql.ZetaSQLType.TypeKind;
import com.google.zetasql.parser.ASTNodes.ASTIdentifier;
import com.google.zetasql.parser.ASTNodes.ASTTablePathExpression;
import com.google.zetasql.parser.ParseTreeVisitor;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Serves Google's own analyzer and reference engine of GoogleSQL: a JSON request per line of the
 * input, a JSON answer per line of the output, until the input ends.
 *
 * <p>{"load": "silver.sessions", "columns": [{"name", "type"}], "file": path} keeps a table; each
 * line of the file is a JSON list of a row's values. {"sql", "parameters": {name: {"type",
 * "value"}}} answers {"columns", "rows"}. What fails answers {"error": one line}.
 *
 * <p>A type is the name of a simple type, {"array": type} or {"struct": [{"name", "type"}]}. Dates
 * are days and timestamps microseconds since 1970 (UTC), bytes are base64, records are lists.
 */
public final class GoogleSqlServer {
  private static final Map<String, TypeKind> KINDS =
      Map.of(
          "INT64", TypeKind.TYPE_INT64,
          "FLOAT64", TypeKind.TYPE_DOUBLE,
          "STRING", TypeKind.TYPE_STRING,
          "BOOL", TypeKind.TYPE_BOOL,
          "BYTES", TypeKind.TYPE_BYTES,
          "DATE", TypeKind.TYPE_DATE,
          "TIMESTAMP", TypeKind.TYPE_TIMESTAMP);

  /** What the library knows and BigQuery does not have. */
  private static final Set<LanguageFeature> NOT_IN_BIGQUERY =
      EnumSet.of(
          LanguageFeature.FEATURE_TIMESTAMP_NANOS,
          LanguageFeature.FEATURE_TYPEOF_FUNCTION,
          LanguageFeature.FEATURE_NULLIFZERO_ZEROIFNULL,
          LanguageFeature.FEATURE_PI_FUNCTIONS,
          LanguageFeature.FEATURE_RADIANS_DEGREES_FUNCTIONS,
          LanguageFeature.FEATURE_DOT_PRODUCT,
          LanguageFeature.FEATURE_MANHATTAN_DISTANCE,
          LanguageFeature.FEATURE_L1_NORM,
          LanguageFeature.FEATURE_L2_NORM,
          LanguageFeature.FEATURE_FIRST_AND_LAST_N,
          LanguageFeature.FEATURE_BARE_ARRAY_ACCESS,
          LanguageFeature.FEATURE_AGGREGATE_FILTERING,
          LanguageFeature.FEATURE_ALIASES_FOR_STRING_AND_DATE_FUNCTIONS,
          LanguageFeature.FEATURE_ADDITIONAL_DATE_TIME_FUNCTIONS,
          LanguageFeature.FEATURE_ARRAY_AGGREGATION_FUNCTIONS,
          LanguageFeature.FEATURE_ARRAY_FIND_FUNCTIONS,
          LanguageFeature.FEATURE_LIMIT_ALL,
          LanguageFeature.FEATURE_LATERAL_JOIN,
          LanguageFeature.FEATURE_MAP_TYPE,
          LanguageFeature.FEATURE_UUID_TYPE,
          LanguageFeature.FEATURE_ENABLE_MEASURES,
          LanguageFeature.FEATURE_WITH_GROUP_ROWS,
          LanguageFeature.FEATURE_MULTILEVEL_AGGREGATION);

  private static final Gson GSON =
      new GsonBuilder().serializeNulls().serializeSpecialFloatingPointValues().create();

  private final LanguageOptions language = language();
  private final SimpleCatalog catalog = new SimpleCatalog("warehouse");
  private final Map<String, TableContent> contents =
      new TreeMap<>(String.CASE_INSENSITIVE_ORDER);

  private GoogleSqlServer() {
    catalog.addZetaSQLFunctionsAndTypes(new ZetaSQLBuiltinFunctionOptions(language));
  }

  public static void main(String[] arguments) throws IOException {
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(System.err); // nothing but answers goes there
    GoogleSqlServer server = new GoogleSqlServer();
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      answers.println(GSON.toJson(server.answer(JsonParser.parseString(line).getAsJsonObject())));
    }
  }

  private JsonObject answer(JsonObject request) {
    try {
      return request.has("load") ? load(request) : run(request);
    } catch (IOException | RuntimeException | StackOverflowError failure) {
      JsonObject answer = new JsonObject();
      String message = failure.getMessage();
      answer.addProperty("error", message == null ? failure.toString() : message);
      return answer;
    }
  }

  private JsonObject load(JsonObject request) throws IOException {
    List<SimpleColumn> columns = new ArrayList<>();
    List<Type> types = new ArrayList<>();
    String[] name = request.get("load").getAsString().split("\\.", 2);
    for (JsonElement column : request.getAsJsonArray("columns")) {
      Type type = type(column.getAsJsonObject().get("type"));
      String columnName = column.getAsJsonObject().get("name").getAsString();
      columns.add(new SimpleColumn(name[1], columnName, type));
      types.add(type);
    }
    String fullName = request.get("load").getAsString();
    SimpleCatalog dataset = dataset(name[0]);
    if (contents.containsKey(fullName)) {
      dataset.removeSimpleTable(name[1]);
      catalog.removeSimpleTable(fullName);
    }
    SimpleTable table = new SimpleTable(name[1], columns);
    table.setFullName(fullName);
    dataset.addSimpleTable(table);
    catalog.addSimpleTable(fullName, new SimpleTable(fullName, columns));
    contents.put(fullName, content(request.get("file").getAsString(), types));
    return new JsonObject();
  }

  private SimpleCatalog dataset(String name) {
    for (SimpleCatalog known : catalog.getCatalogList()) {
      if (known.getFullName().equals(name)) {
        return known;
      }
    }
    return catalog.addNewSimpleCatalog(name);
  }

  private static TableContent content(String file, List<Type> types) throws IOException {
    try (Stream<String> lines = Files.lines(Path.of(file))) {
      return TableContent.create(lines.map(line -> row(line, types)).toList());
    }
  }

  private static List<Value> row(String line, List<Type> types) {
    return values(JsonParser.parseString(line).getAsJsonArray(), types);
  }

  private JsonObject run(JsonObject request) {
    AnalyzerOptions options = new AnalyzerOptions();
    options.setLanguageOptions(language);
    options.setErrorMessageMode(ErrorMessageMode.ERROR_MESSAGE_ONE_LINE);
    options.setDefaultTimezone("UTC");
    options.setPruneUnusedColumns(true);
    Map<String, Value> parameters = new HashMap<>();
    for (Map.Entry<String, JsonElement> entry :
        request.getAsJsonObject("parameters").entrySet()) {
      JsonObject parameter = entry.getValue().getAsJsonObject();
      Type type = type(parameter.get("type"));
      options.addQueryParameter(entry.getKey(), type);
      parameters.put(entry.getKey(), value(parameter.get("value"), type));
    }
    String sql = request.get("sql").getAsString();
    Analyzer.analyzeStatement(sql, options, catalog);
    Map<String, TableContent> named = new HashMap<>();
    String renamed = withNamesOfOnePart(sql, named);
    try (PreparedQuery query =
        PreparedQuery.builder()
            .setSql(renamed)
            .setAnalyzerOptions(options)
            .setCatalog(catalog)
            .setTablesContents(named)
            .prepare()) {
      return answer(query, query.execute(parameters));
    }
  }

  /**
   * The query with `silver.sessions` AS sessions for silver.sessions: the engine keeps contents
   * only of tables whose name has one part. Puts the contents of the tables so named into found.
   */
  private String withNamesOfOnePart(String sql, Map<String, TableContent> found) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    byte[] bytes = sql.getBytes(StandardCharsets.UTF_8);
    int end = 0;
    for (ASTTablePathExpression table : tables(sql).values()) {
      List<String> path =
          table.getPathExpr().getNames().stream().map(ASTIdentifier::getIdString).toList();
      String name = String.join(".", path);
      if (path.size() != 2 || !contents.containsKey(name)) {
        continue;
      }
      found.put(name, contents.get(name));
      String alias = table.getAlias() == null ? " AS `" + path.get(1) + "`" : "";
      int start = table.getPathExpr().getParseLocationRange().start();
      text.write(bytes, end, start - end);
      text.writeBytes(("`" + name + "`" + alias).getBytes(StandardCharsets.UTF_8));
      end = table.getPathExpr().getParseLocationRange().end();
    }
    text.write(bytes, end, bytes.length - end);
    return text.toString(StandardCharsets.UTF_8);
  }

  /** The tables that a query names, by where they begin in its bytes. */
  private Map<Integer, ASTTablePathExpression> tables(String sql) {
    Map<Integer, ASTTablePathExpression> found = new TreeMap<>();
    Parser.parseStatement(sql, language)
        .accept(
            new ParseTreeVisitor() {
              @Override
              public void visit(ASTTablePathExpression table) {
                if (table.getPathExpr() != null) {
                  found.put(table.getPathExpr().getParseLocationRange().start(), table);
                }
                super.visit(table);
              }
            });
    return found;
  }

  private static JsonObject answer(PreparedQuery query, TableContent content) {
    JsonArray columns = new JsonArray();
    for (SimpleColumn column : query.getColumns()) {
      columns.add(named(column.getName(), column.getType()));
    }
    JsonArray rows = new JsonArray();
    for (List<Value> row : content.getTableData()) {
      rows.add(json(row));
    }
    JsonObject answer = new JsonObject();
    answer.add("columns", columns);
    answer.add("rows", rows);
    return answer;
  }

  private static LanguageOptions language() {
    LanguageOptions options = new LanguageOptions();
    options.enableMaximumLanguageFeatures();
    Set<LanguageFeature> features = EnumSet.noneOf(LanguageFeature.class);
    features.addAll(options.serialize().getEnabledLanguageFeaturesList());
    features.removeAll(NOT_IN_BIGQUERY);
    options.setEnabledLanguageFeatures(features);
    options.setProductMode(ProductMode.PRODUCT_EXTERNAL);
    options.enableReservableKeyword("QUALIFY");
    return options;
  }

  private static Type type(JsonElement described) {
    if (described.isJsonPrimitive()) {
      return TypeFactory.createSimpleType(KINDS.get(described.getAsString()));
    }
    JsonObject nested = described.getAsJsonObject();
    if (nested.has("array")) {
      return TypeFactory.createArrayType(type(nested.get("array")));
    }
    List<StructType.StructField> fields = new ArrayList<>();
    for (JsonElement field : nested.getAsJsonArray("struct")) {
      String name = field.getAsJsonObject().get("name").getAsString();
      fields.add(new StructType.StructField(name, type(field.getAsJsonObject().get("type"))));
    }
    return TypeFactory.createStructType(fields);
  }

  private static JsonElement described(Type type) {
    JsonObject nested = new JsonObject();
    if (type.isArray()) {
      nested.add("array", described(type.asArray().getElementType()));
      return nested;
    }
    if (type.isStruct()) {
      JsonArray fields = new JsonArray();
      type.asStruct().getFieldList().forEach(f -> fields.add(named(f.getName(), f.getType())));
      nested.add("struct", fields);
      return nested;
    }
    return new JsonPrimitive(type.typeName(ProductMode.PRODUCT_EXTERNAL));
  }

  private static JsonObject named(String name, Type type) {
    JsonObject column = new JsonObject();
    column.addProperty("name", name);
    column.add("type", described(type));
    return column;
  }

  private static Value value(JsonElement json, Type type) {
    if (json.isJsonNull()) {
      // BigQuery stores no null list.
      return type.isArray()
          ? Value.createEmptyArrayValue(type.asArray())
          : Value.createNullValue(type);
    }
    switch (type.getKind()) {
      case TYPE_INT64:
        return Value.createInt64Value(json.getAsLong());
      case TYPE_DOUBLE:
        return Value.createDoubleValue(json.getAsDouble());
      case TYPE_STRING:
        return Value.createStringValue(json.getAsString());
      case TYPE_BOOL:
        return Value.createBoolValue(json.getAsBoolean());
      case TYPE_BYTES:
        byte[] bytes = Base64.getDecoder().decode(json.getAsString());
        return Value.createBytesValue(ByteString.copyFrom(bytes));
      case TYPE_DATE:
        return Value.createDateValue(json.getAsInt());
      case TYPE_TIMESTAMP:
        return Value.createTimestampValueFromUnixMicros(json.getAsLong());
      case TYPE_ARRAY:
        ArrayType array = type.asArray();
        List<Value> elements = new ArrayList<>();
        json.getAsJsonArray().forEach(e -> elements.add(value(e, array.getElementType())));
        return Value.createArrayValue(array, elements);
      default:
        return Value.createStructValue(
            type.asStruct(), values(json.getAsJsonArray(), type.componentTypes()));
    }
  }

  private static List<Value> values(JsonArray json, List<Type> types) {
    List<Value> values = new ArrayList<>();
    for (int place = 0; place < types.size(); place++) {
      values.add(value(json.get(place), types.get(place)));
    }
    return values;
  }

  private static JsonElement json(Value value) {
    if (value.isNull()) {
      return JsonNull.INSTANCE;
    }
    switch (value.getType().getKind()) {
      case TYPE_INT64:
        return new JsonPrimitive(value.getInt64Value());
      case TYPE_DOUBLE:
        return new JsonPrimitive(value.getDoubleValue());
      case TYPE_STRING:
        return new JsonPrimitive(value.getStringValue());
      case TYPE_BOOL:
        return new JsonPrimitive(value.getBoolValue());
      case TYPE_BYTES:
        byte[] bytes = value.getBytesValue().toByteArray();
        return new JsonPrimitive(Base64.getEncoder().encodeToString(bytes));
      case TYPE_DATE:
        return new JsonPrimitive(value.getDateValue());
      case TYPE_TIMESTAMP:
        return new JsonPrimitive(value.getTimestampUnixMicros());
      case TYPE_ARRAY:
        return json(value.getElementList());
      case TYPE_STRUCT:
        return json(value.getFieldList());
      default:
        String type = value.getType().typeName(ProductMode.PRODUCT_EXTERNAL);
        throw new IllegalArgumentException("no table has a column of type " + type);
    }
  }

  private static JsonArray json(List<Value> values) {
    JsonArray list = new JsonArray();
    values.forEach(value -> list.add(json(value)));
    return list;
  }
}
