"""The words that files use: months, and column names by field, in English, German, Dutch, Spanish and French."""

from __future__ import annotations

_MONTHS = (
    "jan january januar jänner januari ene enero janv janvier",
    "feb february februar februari febrero févr fév février",
    "mar march mär märz mrt maart marzo mars",
    "apr april abr abril avr avril",
    "may mai mei mayo",
    "jun june juni junio juin",
    "jul july juli julio juil juillet",
    "aug august augustus ago agosto août",
    "sep sept september septiembre septembre",
    "oct october okt oktober octubre octobre",
    "nov november noviembre novembre",
    "dec december dez dezember dic diciembre déc décembre",
)
MONTHS = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()}

SYNONYMS: dict[str, str] = {
    "sale_date": """
        sale date|sales date|order date|invoice date|transaction date|posting date|document date|booking date
        trx date|date of sale|date|day|period|month|week|timestamp|datetime|order datetime|created at|ds
        verkaufsdatum|bestelldatum|auftragsdatum|rechnungsdatum|buchungsdatum|belegdatum|datum|tag|monat
        verkoopdatum|orderdatum|besteldatum|factuurdatum|boekingsdatum|maand|fecha de venta|fecha de pedido
        fecha de factura|fecha pedido|fecha factura|fecha venta|fecha|mes|date de vente|date de commande
        date de facture|date commande|date facture""",
    "region": """
        region|sales region|region name|country|country name|market|zone|land|region verkauf|vertriebsregion
        regio|verkoopregio|región|país|pais|mercado|région|pays""",
    "territory": """
        territory|sales territory|territory name|state|province|state province|state name|district|county
        subregion|sub region|bundesland|gebiet|vertriebsgebiet|verkaufsgebiet|kanton|provincie|gebied|rayon
        estado|provincia|territorio|département|territoire""",
    "area": """
        area|sales area|area name|city|town|store|store name|store id|shop|shop id|branch|branch id|outlet
        location|site|warehouse|plant|depot|agency|stadt|ort|filiale|markt|niederlassung|standort|werk|stad
        plaats|winkel|vestiging|filiaal|ciudad|tienda|sucursal|localidad|almacén|almacen|centro|ville|magasin
        agence""",
    "product_code": """
        product id|product code|product number|product no|sku|sku id|sku code|item id|item code|item number
        item no|item|article number|article no|article id|article code|article|part number|part no|material
        material number|material code|stock code|stockcode|ean|gtin|upc|product key|product|artikelnummer
        artikel nr|artikelnr|artikel|produktnummer|produkt id|produktcode|produkt|materialnummer|productcode
        productnummer|artikelcode|código de producto|codigo de producto|código producto|codigo producto|código
        codigo|producto|referencia|artículo|articulo|code produit|code article|produit""",
    "product_name": """
        product name|product description|item name|item description|article name|article description|description
        material description|sku name|sku description|product title|title|product|produktname|produktbezeichnung
        artikelbezeichnung|artikelname|bezeichnung|beschreibung|productnaam|artikelnaam|omschrijving
        productomschrijving|artikelomschrijving|nombre de producto|nombre del producto|nombre producto
        descripción|descripcion|nom du produit|désignation""",
    "category": """
        category|product category|category name|item category|department|product group|product family|family
        division|product line|line|industry|kategorie|produktkategorie|warengruppe|produktgruppe|artikelgruppe
        sparte|categorie|productcategorie|productgroep|artikelgroep|categoría|categoria|familia|catégorie
        famille""",
    "subcategory": """
        sub category|subcategory|product subcategory|product sub category|sub category name|class|product type
        subgroup|sub group|subfamily|item class|unterkategorie|untergruppe|warenuntergruppe|produktuntergruppe
        subcategorie|subgroep|subcategoría|subcategoria|subfamilia|sous catégorie|sous famille""",
    "customer_code": """
        customer id|customer code|customer number|customer no|customerid|client id|client code|account number
        account id|account no|buyer id|sold to|sold to party|kundennummer|kunden nr|kundennr|kunden id
        kundencode|debitor|klantnummer|klant id|klantcode|klantnr|debiteur|código de cliente|codigo de cliente
        id cliente|código cliente|codigo cliente|numéro client|code client""",
    "customer_name": """
        customer name|customer|client name|client|account name|buyer|buyer name|company name|kundenname|kunde
        klantnaam|klant|nombre del cliente|nombre de cliente|nombre cliente|cliente|nom du client""",
    "order_ref": """
        order id|order number|order no|order ref|order reference|order|invoice no|invoice number|invoice id
        invoice|document number|document no|receipt|receipt number|transaction id|transaction number|sales order
        so number|po number|voucher|auftragsnummer|bestellnummer|bestell nr|rechnungsnummer|rechnungs nr
        belegnummer|auftrag|ordernummer|bestelnummer|factuurnummer|bonnummer|número de pedido|numero de pedido
        pedido|número de factura|numero de factura|factura|numéro de commande|commande|numéro de facture|facture""",
    "channel": """
        channel|sales channel|distribution channel|segment|customer segment|market segment|order channel|source
        kanal|vertriebskanal|vertriebsweg|kundensegment|kanaal|verkoopkanaal|klantsegment|canal|canal de venta
        segmento|canal de vente""",
    "sales_amount": """
        sales amount|sales|net sales|net amount|sales value|sales total|revenue|net revenue|total sales|amount
        turnover|line total|line amount|order amount|invoice amount|total amount|total price|extended price
        net value|total value|total|value|gross sales|gross amount|sales usd|sales eur|y|umsatz|nettoumsatz
        verkaufsbetrag|nettobetrag|betrag|erlös|gesamtbetrag|gesamtpreis|summe|wert|omzet|netto omzet
        verkoopbedrag|nettobedrag|bedrag|totaalbedrag|totaal|ventas|venta|importe|importe neto|importe total
        monto|ingresos|montant|montant ht|chiffre d affaires|ventes""",
    "sales_qty": """
        quantity|qty|sales qty|sales quantity|quantity sold|qty sold|units|units sold|unit sales|order qty
        order quantity|quantity ordered|ordered quantity|invoiced quantity|item quantity|pieces|pcs|volume
        demand|menge|stückzahl|anzahl|stück|verkaufsmenge|absatz|aantal|hoeveelheid|stuks|cantidad|unidades
        quantité|qté""",
}
"""Column names by field, best first, as `simplify` leaves them but for accents."""

LOOSE: dict[str, str] = {
    "sale_date": r"\b(date|datum|fecha)\b|(datum|date)$",
    "sales_amount": r"\b(amount|revenue|turnover|ventas|importe)\b|(umsatz|omzet|betrag|bedrag)$",
    "sales_qty": r"\b(qty|quantity|units|cantidad)\b|(menge|aantal)$",
}
"""What names a field when no synonym does, unless NEVER rules it out."""

NEVER: dict[str, str] = {
    "sale_date": "ship|deliver|due|birth|settle|pay|expir|valid|updat|modif|liefer|fallig|lever|verval|entrega|vencim",
    "sales_amount": "tax|vat|discount|cost|profit|margin|unit|commission|freight|steuer|rabatt|kosten|korting|impuesto",
    "sales_qty": "price|cost|stock|return|open|backlog|measure",
}
